"""The failures of docs/operate/runbook.md: a real Prometheus raises the alert that it names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock_skew import CLOCK_SKEW_SECONDS
from tests.support.deploy.production import build_production_settings
from tests.support.deploy.prometheus import Prometheus, prometheus
from tests.support.processes import running, serving
from tests.support.valkey import Server, eventually, valkey_binary

SECONDS = 30
MANY = 60
"""Refused tokens, for a rate over five minutes to be above the alert's."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Server]:
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.kill()


def raised(server: Prometheus) -> set[tuple[str, str]]:
    """Return alert and port of what is wrong now, whether it has lasted long enough or not."""
    alerts = server.ask("alerts")["alerts"]
    return {
        (one["labels"]["alertname"], one["labels"]["instance"].rpartition(":")[2]) for one in alerts
    }


def test_a_store_that_is_down_raises_its_alert(tmp_path: Path, store: Server) -> None:
    with (
        serving(tmp_path, **build_production_settings(store)) as service,
        prometheus(tmp_path, service.port) as server,
    ):
        eventually(lambda: bool(server.query("auth_store_up == 1")), SECONDS)
        assert raised(server) == set()
        store.kill()
        eventually(lambda: ("AuthStoreDown", str(service.port)) in raised(server), SECONDS)


def test_a_wrong_key_raises_its_alert_where_it_is(tmp_path: Path, store: Server) -> None:
    options = build_production_settings(store)
    old, new = "the-old-secret-is-long-enough-for-us", "the-new-secret-is-long-enough-for-us"
    with (
        serving(tmp_path, JWT_SECRET_KEY=old, **options) as one,
        serving(tmp_path, JWT_SECRET_KEY=new, **options) as other,
        prometheus(tmp_path, one.port, other.port) as server,
    ):
        eventually(lambda: len(server.query("auth_store_up")) == 2, SECONDS)
        one.register()
        token = one.login().json()["access_token"]
        for _ in range(MANY):
            other.profile(token)
        expected = {("AuthTokensOfUnknownKey", str(other.port))}
        eventually(lambda: raised(server) == expected, SECONDS)


def test_a_wrong_clock_raises_its_alert_where_it_is(tmp_path: Path, store: Server) -> None:
    options = build_production_settings(store)
    command = (
        "-m",
        "tests.support.clock_skew",
        str(CLOCK_SKEW_SECONDS),
        "serve",
        "--port",
        "{port}",
    )
    with (
        serving(tmp_path, **options) as right,
        running(tmp_path, *command, **options) as ahead,
        prometheus(tmp_path, right.port, ahead.port) as server,
    ):
        eventually(lambda: len(server.query("auth_store_up")) == 2, SECONDS)
        eventually(lambda: raised(server) == {("AuthClockSkew", str(ahead.port))}, SECONDS)
