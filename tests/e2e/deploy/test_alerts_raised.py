"""The failures of docs/operate/runbook.md: a real Prometheus raises the documented alert."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock_skew import CLOCK_SKEW_SECONDS
from tests.support.deploy.production import build_production_settings
from tests.support.deploy.prometheus import Prometheus, run_prometheus
from tests.support.processes import run_python, run_service
from tests.support.valkey import Server, valkey_binary, wait_until

pytestmark = pytest.mark.usefixtures("prometheus_program")

INVALID_TOKENS = 60
"""Enough for the rate over five minutes to exceed the alert's threshold."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Server]:
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.kill()


def get_alerts(server: Prometheus) -> set[tuple[str, str]]:
    """Return alert and port of each pending or firing alert."""
    alerts = server.get("alerts")["alerts"]
    return {
        (one["labels"]["alertname"], one["labels"]["instance"].rpartition(":")[2]) for one in alerts
    }


def test_stopped_store_raises_alert(tmp_path: Path, store: Server) -> None:
    with (
        run_service(tmp_path, **build_production_settings(store)) as service,
        run_prometheus(tmp_path, service.port) as server,
    ):
        wait_until(lambda: bool(server.query("auth_store_up == 1")))
        assert get_alerts(server) == set()
        store.kill()
        wait_until(lambda: ("AuthStoreDown", str(service.port)) in get_alerts(server))


def test_wrong_key_raises_alert_for_its_service(tmp_path: Path, store: Server) -> None:
    options = build_production_settings(store)
    old, new = "the-old-secret-is-long-enough-for-us", "the-new-secret-is-long-enough-for-us"
    with (
        run_service(tmp_path, JWT_SECRET_KEY=old, **options) as one,
        run_service(tmp_path, JWT_SECRET_KEY=new, **options) as other,
        run_prometheus(tmp_path, one.port, other.port) as server,
    ):
        wait_until(lambda: len(server.query("auth_store_up")) == 2)
        one.register()
        token = one.login().json()["access_token"]
        for _ in range(INVALID_TOKENS):
            other.profile(token)
        expected = {("AuthTokensOfUnknownKey", str(other.port))}
        wait_until(lambda: get_alerts(server) == expected)


def test_wrong_clock_raises_alert_for_its_service(tmp_path: Path, store: Server) -> None:
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
        run_service(tmp_path, **options) as right,
        run_python(tmp_path, *command, **options) as ahead,
        run_prometheus(tmp_path, right.port, ahead.port) as server,
    ):
        wait_until(lambda: len(server.query("auth_store_up")) == 2)
        wait_until(lambda: get_alerts(server) == {("AuthClockSkew", str(ahead.port))})
