"""Services behind one real Valkey: killed, paused, restarted; one of two killed under load."""

import http.client
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.api import EMAIL
from tests.support.load import Storm, lost
from tests.support.processes import Service, serving
from tests.support.valkey import Server, eventually, valkey_binary

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    """A server that keeps on disk what it has answered."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Server(valkey_binary(), folder, "--appendonly", "yes", "--appendfsync", "always")
    yield server
    server.resume()
    server.kill()


def url_of(valkey: Server) -> str:
    return f"valkey://127.0.0.1:{valkey.port}"


def ready(service: Service) -> bool:
    return service.request("GET", "/health/ready").status == 200


def answered(storm: Storm) -> list[str]:
    return storm.acknowledged


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_a_storm_outlives_its_store(
    tmp_path: Path, valkey: Server, fault: str, record_property: Callable[[str, object], None]
) -> None:
    with serving(tmp_path, STORE_URL=url_of(valkey)) as service:
        storm = Storm(service, fault)
        for _ in range(3):
            before = len(storm.acknowledged), len(storm.refused)
            storm.wait_for(before[0] + 40, what=answered)
            getattr(valkey, fault)()
            storm.wait_for(before[1] + 8, what=lambda storm: storm.refused)
            assert service.request("GET", "/health").status == 200
            unready = service.request("GET", "/health/ready")
            assert (unready.status, unready.json()["code"]) == (503, "store_unavailable")
            if fault == "kill":
                valkey.start()
            else:
                valkey.resume()
            eventually(lambda: ready(service))
        storm.wait_for(len(storm.acknowledged) + 40, what=answered)
        storm.stop()
        assert lost(service, storm.acknowledged) == []
        record_property("acknowledged and found again", len(storm.acknowledged))


@pytest.mark.slow
def test_of_two_services_one_is_killed_and_the_other_serves_on(
    tmp_path: Path, valkey: Server, record_property: Callable[[str, object], None]
) -> None:
    with (
        serving(tmp_path, STORE_URL=url_of(valkey)) as first,
        serving(tmp_path, STORE_URL=url_of(valkey)) as second,
    ):
        tokens = (first.register(), first.login())[1].json()
        assert second.profile(tokens["access_token"]).status == 200
        storms = [Storm(first, "first"), Storm(second, "second")]
        for storm in storms:
            storm.wait_for(40, what=answered)
        for pid in [*first.workers(), first.process.pid]:
            os.kill(pid, signal.SIGKILL)
        storms[1].wait_for(len(storms[1].acknowledged) + 100, what=answered)
        for storm in storms:
            storm.stop()
        assert storms[1].refused == []
        acknowledged = storms[0].acknowledged + storms[1].acknowledged
        assert lost(second, acknowledged) == []
        assert second.profile(tokens["access_token"]).status == 200
        record_property("acknowledged and found again", len(acknowledged))


def test_a_logout_in_one_service_holds_in_the_other(tmp_path: Path, valkey: Server) -> None:
    with (
        serving(tmp_path, STORE_URL=url_of(valkey)) as first,
        serving(tmp_path, STORE_URL=url_of(valkey)) as second,
    ):
        first.register()
        tokens = first.login().json()
        assert second.profile(tokens["access_token"]).status == 200
        first.post("auth/logout", {"refresh_token": tokens["refresh_token"]})
        assert second.profile(tokens["access_token"]).json()["code"] == "token_revoked"


def test_a_service_starts_without_its_store_and_finds_it_later(
    tmp_path: Path, valkey: Server
) -> None:
    valkey.kill()
    with serving(tmp_path, STORE_URL=url_of(valkey)) as service:
        assert not ready(service)
        refused = service.register()
        assert (refused.status, refused.json()["code"]) == (503, "store_unavailable")
        assert refused.headers["Retry-After"]
        valkey.start()
        eventually(lambda: ready(service))
        assert service.register().status == 201


@pytest.mark.slow
def test_workers_share_users_and_a_killed_one_is_replaced(tmp_path: Path, valkey: Server) -> None:
    with serving(tmp_path, "--workers", "2", STORE_URL=url_of(valkey)) as service:
        assert "with 2 worker processes" in service.log
        eventually(lambda: len(service.workers()) == 2)
        service.register()
        tokens = service.login().json()
        assert {service.profile(tokens["access_token"]).status for _ in range(20)} == {200}
        killed = service.workers()[0]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in service.workers() and len(service.workers()) == 2, 30)
        eventually(lambda: all(logs_in(service) for _ in range(10)))


def logs_in(service: Service) -> bool:
    try:
        return service.login(EMAIL).status == 200
    except (OSError, http.client.HTTPException):
        return False  # its connection was the killed worker's
