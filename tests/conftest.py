"""Fixtures for all tests, and the rule that CI skips nothing."""

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator
from functools import cache
from typing import Any

import pytest

from accounts import services as services_module
from accounts.services import Services, build_services
from accounts.testing import accounts_settings
from tests.support.api import Api, MovableClock
from tests.support.browser_client import browser
from tests.support.settings import AccountsSettings
from tests.support.store_fixtures import (
    open_file,
    open_memory,
    open_valkey,
    redis_server,
    redis_url,
    store,
    store_url,
    valkey_server,
    valkey_url,
    valkey_with_file,
)

__all__ = [
    "accounts_settings",
    "browser",
    "open_file",
    "open_memory",
    "open_valkey",
    "redis_server",
    "redis_url",
    "store",
    "store_url",
    "valkey_server",
    "valkey_url",
    "valkey_with_file",
]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def start(
    accounts_settings: AccountsSettings, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Services]:
    """Build the service again, with the test's clock and with other keys of `ACCOUNTS`."""

    def start(**changed: object) -> Services:
        accounts_settings(**changed)
        services = build_services(clock)
        monkeypatch.setattr(services_module, "_build_once", cache(lambda: services))
        return services

    return start


@pytest.fixture
def api(start: Callable[..., Services]) -> Api:
    """A client of a service with the settings of tests/settings.py. `start` may change them."""
    start()
    return Api()


@pytest.fixture(autouse=True)
def fresh_services() -> Iterator[None]:
    """Each test has a service without users."""
    build_once = services_module._build_once
    yield
    build_once.cache_clear()


def pytest_configure() -> None:
    """Let the programs that tests start have these signals, if `nohup` or a shell's `&` took them.

    What this process ignores, they would ignore. A handler is not inherited.
    """
    for name in ("SIGHUP", "SIGINT", "SIGQUIT"):
        number = getattr(signal, name, None)  # Windows has only SIGINT.
        if number and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of modules that start processes as slow, and all of tests/e2e."""
    for item in items:
        module = getattr(item, "module", None)
        origins = {getattr(value, "__module__", None) for value in vars(module).values()}
        if origins & PROCESS_HELPERS or "e2e" in item.path.parts:
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Leave what is collected out of garbage collection.

    `make mutate` forks a process that has collected: a fork takes 0.1 s of CPU instead of 0.4.
    """
    gc.freeze()


PROCESS_HELPERS = {f"tests.support.{name}" for name in ("processes", "pythons", "valkey", "node")}

CANNOT_BE_INSTALLED = ("this machine has no IPv6", "Django 6 needs Python 3.12")


def fail_if_skipped(report: Any) -> Any:
    """Turn a skip into a failure if `CI` is set, unless nothing could be installed for it."""
    reason = str(report.longrepr)
    excused = any(text in reason for text in CANNOT_BE_INSTALLED)
    if report.skipped and os.environ.get("CI") == "true" and not excused:
        report.outcome = "failed"
        report.longrepr = f"CI skips nothing: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return fail_if_skipped((yield))
