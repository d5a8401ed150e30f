from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from accounts import services as services_module
from accounts.services import Services, build_services
from tests.support.api import Api, MovableClock
from tests.support.browser_client import browser
from tests.support.store_fixtures import (
    redis_server,
    redis_url,
    store,
    store_url,
    valkey_server,
    valkey_url,
)

__all__ = [
    "browser",
    "redis_server",
    "redis_url",
    "store",
    "store_url",
    "valkey_server",
    "valkey_url",
]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def start(
    settings: Settings, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Services]:
    """Start the service anew under the test's clock, with settings of the test's own."""

    def start(**changed: object) -> Services:
        for name, value in changed.items():
            setattr(settings, name, value)
        services = build_services(clock)
        monkeypatch.setattr(services_module, "_build_once", lambda: services)
        return services

    return start


@pytest.fixture
def api(start: Callable[..., Services]) -> Api:
    """The API of a service with the default settings; `start` may change them afterwards."""
    start()
    return Api()


@pytest.fixture(autouse=True)
def fresh_services() -> Iterator[None]:
    """No test meets another's users."""
    opened = services_module._build_once
    yield
    opened.cache_clear()
