"""The failures of docs/operate/runbook.md, produced for real.

The page shows what is logged, and a real Prometheus raises the documented alert.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock_skew import CLOCK_SKEW_SECONDS
from tests.support.deploy.production import build_production_settings
from tests.support.deploy.prometheus import Prometheus, run_prometheus
from tests.support.metrics import read
from tests.support.ports import free_port
from tests.support.processes import ROOT, Service, run_python, run_service
from tests.support.valkey import Server, ask, valkey_binary, wait_until

CHANGING = {"timestamp", "request_id", "duration_ms"}
NAMES = re.compile(r"[0-9a-f]{16}|127\.0\.0\.1:\d+|\d+(?= failures?)")
SECONDS = re.compile(r"\d+(?= s\b)")
INVALID_TOKENS = 60
"""Enough for the rate over five minutes to exceed the alert's threshold."""

needs_prometheus = pytest.mark.usefixtures("prometheus_program")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.kill()


@pytest.fixture
def production(valkey: Server) -> dict[str, str]:
    return build_production_settings(valkey)


def get_documented_lines(title: str) -> list[str]:
    """Return the lines of a section that a service writes."""
    section = (ROOT / "docs/operate/runbook.md").read_text().split(f"## {title}\n")[1]
    blocks = re.findall(r"```\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    return "".join(blocks).splitlines()


def normalize_line(line: str) -> dict[str, Any]:
    """Return the part of a line that is the same in every run."""
    fields: dict[str, Any] = json.loads(line)
    for name in ("message", "reason"):
        text = NAMES.sub("#", fields.get(name, ""))
        fields[name] = SECONDS.sub(lambda number: str(round(int(number[0]), -1)), text)
    return {name: value for name, value in fields.items() if name not in CHANGING}


def assert_documented_lines(title: str, *services: Service, earlier: str = "") -> None:
    """Assert that a service has written each line of a section, now or earlier."""
    texts = [one.metrics() for one in services]
    samples = [read(text) for text in (*texts, earlier)]
    shapes = [
        normalize_line(line) for one in services for line in one.log.splitlines() if line[0] == "{"
    ]
    lines = get_documented_lines(title)
    assert lines
    for line in lines:
        if line.startswith("{"):
            assert normalize_line(line) in shapes, line
        elif not line.startswith("auth_clock_seconds"):
            [(key, value)] = read(line).items()
            assert any(sample.get(key) == value for sample in samples), line


def get_alerts(server: Prometheus) -> set[tuple[str, str]]:
    """Return alert and port of each pending or firing alert."""
    alerts = server.get("alerts")["alerts"]
    return {
        (one["labels"]["alertname"], one["labels"]["instance"].rpartition(":")[2]) for one in alerts
    }


@contextmanager
def run_with_two_keys(
    folder: Path, production: dict[str, str]
) -> Iterator[tuple[Service, Service]]:
    """Run two services; the second does not know the key of the first."""
    old, new = "the-old-secret-is-long-enough-for-us", "the-new-secret-is-long-enough-for-us"
    with (
        run_service(folder, JWT_SECRET_KEY=old, **production) as one,
        run_service(folder, JWT_SECRET_KEY=new, **production) as other,
    ):
        one.register()
        yield one, other


@contextmanager
def run_with_wrong_clock(
    folder: Path, production: dict[str, str]
) -> Iterator[tuple[Service, Service]]:
    """Run two services; the clock of the second is ahead."""
    ahead = ("-m", "tests.support.clock_skew", str(CLOCK_SKEW_SECONDS))
    with (
        run_service(folder, **production) as one,
        run_python(folder, *ahead, "serve", "--port", "{port}", **production) as other,
    ):
        one.register()
        yield one, other


def is_ready(service: Service) -> bool:
    return service.request("GET", "/health/ready").status == 200


def test_log_of_stopped_store_is_as_documented(
    tmp_path: Path, valkey: Server, production: dict[str, str]
) -> None:
    with run_service(tmp_path, **production) as service:
        service.register()
        token = service.login().json()["access_token"]
        valkey.kill()
        assert [service.profile(token).status for _ in range(3)] == [503, 503, 503]
        down = service.metrics()
        valkey.start()
        wait_until(lambda: is_ready(service) and "recovered from" in service.log)
        assert_documented_lines("The store is down", service, earlier=down)
        assert service.profile(token).status == 401
        assert_documented_lines("The store came back empty", service)


@needs_prometheus
def test_store_that_fails_raises_alerts(
    tmp_path: Path, valkey: Server, production: dict[str, str]
) -> None:
    with (
        run_service(tmp_path, **production) as service,
        run_prometheus(tmp_path, service.port) as server,
    ):
        wait_until(lambda: bool(server.query("auth_store_up == 1")))
        assert get_alerts(server) == set()
        ask(valkey.port, "REPLICAOF", "127.0.0.1", str(free_port()))
        wait_until(lambda: ("AuthStoreReadOnly", str(service.port)) in get_alerts(server))
        valkey.kill()
        wait_until(lambda: ("AuthStoreDown", str(service.port)) in get_alerts(server))
        valkey.start()  # empty
        wait_until(lambda: ("AuthStoreEmptied", str(service.port)) in get_alerts(server))


def test_log_of_wrong_key_is_as_documented(tmp_path: Path, production: dict[str, str]) -> None:
    with run_with_two_keys(tmp_path, production) as (one, other):
        tokens = one.login().json()
        assert one.profile(tokens["access_token"]).status == 200
        assert [other.profile(tokens["access_token"]).status for _ in range(3)] == [401, 401, 401]
        other.post("auth/refresh", {"refresh_token": tokens["refresh_token"]})
        assert_documented_lines("A key is wrong", other)


@needs_prometheus
def test_wrong_key_raises_alert_for_its_service(tmp_path: Path, production: dict[str, str]) -> None:
    with (
        run_with_two_keys(tmp_path, production) as (one, other),
        run_prometheus(tmp_path, one.port, other.port) as server,
    ):
        wait_until(lambda: len(server.query("auth_store_up")) == 2)
        token = one.login().json()["access_token"]
        for _ in range(INVALID_TOKENS):
            other.profile(token)
        expected = {("AuthTokensOfUnknownKey", str(other.port))}
        wait_until(lambda: get_alerts(server) == expected)


def test_log_of_wrong_clock_is_as_documented(tmp_path: Path, production: dict[str, str]) -> None:
    with run_with_wrong_clock(tmp_path, production) as (right, ahead):
        assert ahead.profile(right.login().json()["access_token"]).status == 401
        assert right.profile(ahead.login().json()["access_token"]).status == 200
        assert_documented_lines("A clock is wrong", right, ahead)
        clocks = [read(one.metrics())["auth_clock_seconds", frozenset()] for one in (right, ahead)]
        assert clocks[1] - clocks[0] == pytest.approx(CLOCK_SKEW_SECONDS, abs=5)


@needs_prometheus
def test_wrong_clock_raises_alert_for_its_service(
    tmp_path: Path, production: dict[str, str]
) -> None:
    with (
        run_with_wrong_clock(tmp_path, production) as (right, ahead),
        run_prometheus(tmp_path, right.port, ahead.port) as server,
    ):
        wait_until(lambda: len(server.query("auth_store_up")) == 2)
        wait_until(lambda: get_alerts(server) == {("AuthClockSkew", str(ahead.port))})
