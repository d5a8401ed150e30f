"""Services with one real Valkey: it is killed, paused and restarted; one service is killed."""

import http.client
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from redis import Redis

from tests.support.api import EMAIL
from tests.support.load import AccountLoad, RegistrationLoad, find_lost_users
from tests.support.ports import free_port
from tests.support.processes import Service, run_service
from tests.support.valkey import MovableAddress, Server, ask, valkey_binary, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    """A server that writes each change to disk before it responds."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Server(valkey_binary(), folder, "--appendonly", "yes", "--appendfsync", "always")
    yield server
    server.resume()
    server.kill()


def get_url(valkey: Server) -> str:
    return f"valkey://127.0.0.1:{valkey.port}"


def is_ready(service: Service) -> bool:
    return service.request("GET", "/health/ready").status == 200


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_load_continues_after_store_fault(tmp_path: Path, valkey: Server, fault: str) -> None:
    with run_service(tmp_path, STORE_URL=get_url(valkey)) as service:
        load = RegistrationLoad(service, fault)
        for _ in range(2):
            load.wait_for_registered(40)
            getattr(valkey, fault)()
            load.wait_for_unavailable(8)
            assert service.request("GET", "/health").status == 200
            unready = service.request("GET", "/health/ready")
            assert (unready.status, unready.json()["code"]) == (503, "store_unavailable")
            if fault == "kill":
                valkey.start()
            else:
                valkey.resume()
            wait_until(lambda: is_ready(service))
        load.wait_for_registered(40)
        load.stop()
        assert find_lost_users(service, load.registered) == []


@pytest.mark.slow
def test_second_service_continues_if_first_is_killed(tmp_path: Path, valkey: Server) -> None:
    with (
        run_service(tmp_path, STORE_URL=get_url(valkey)) as first,
        run_service(tmp_path, STORE_URL=get_url(valkey)) as second,
    ):
        tokens = (first.register(), first.login())[1].json()
        assert second.profile(tokens["access_token"]).status == 200
        loads = [RegistrationLoad(first, "first"), RegistrationLoad(second, "second")]
        for load in loads:
            load.wait_for_registered(40)
        for pid in [*first.workers(), first.process.pid]:
            os.kill(pid, signal.SIGKILL)
        loads[1].wait_for_registered(40)
        for load in loads:
            load.stop()
        assert loads[1].unavailable == []
        assert find_lost_users(second, loads[0].registered + loads[1].registered) == []
        assert second.profile(tokens["access_token"]).status == 200


def test_logout_in_one_service_applies_in_the_other(tmp_path: Path, valkey: Server) -> None:
    with (
        run_service(tmp_path, STORE_URL=get_url(valkey)) as first,
        run_service(tmp_path, STORE_URL=get_url(valkey)) as second,
    ):
        first.register()
        tokens = first.login().json()
        assert second.profile(tokens["access_token"]).status == 200
        first.post("auth/logout", {"refresh_token": tokens["refresh_token"]})
        assert second.profile(tokens["access_token"]).json()["code"] == "token_revoked"


def test_service_starts_without_store_and_finds_it(tmp_path: Path, valkey: Server) -> None:
    valkey.kill()
    with run_service(tmp_path, STORE_URL=get_url(valkey)) as service:
        assert not is_ready(service)
        response = service.register()
        assert (response.status, response.json()["code"]) == (503, "store_unavailable")
        assert response.headers["Retry-After"]
        valkey.start()
        wait_until(lambda: is_ready(service))
        assert service.register().status == 201


@pytest.mark.slow
def test_workers_share_users_and_killed_one_is_replaced(tmp_path: Path, valkey: Server) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=get_url(valkey)) as service:
        assert "with 2 worker processes" in service.log
        wait_until(lambda: len(service.workers()) == 2)
        service.register()
        tokens = service.login().json()
        assert {service.profile(tokens["access_token"]).status for _ in range(20)} == {200}
        killed = service.workers()[0]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: killed not in service.workers() and len(service.workers()) == 2)
        wait_until(lambda: all(can_log_in(service) for _ in range(10)))


def can_log_in(service: Service) -> bool:
    try:
        return service.login(EMAIL).status == 200
    except (OSError, http.client.HTTPException):
        return False  # the killed worker had accepted the connection


def test_replica_is_not_ready_nor_writable(tmp_path: Path, valkey: Server) -> None:
    with run_service(tmp_path, STORE_URL=get_url(valkey), LOG_FORMAT="json") as service:
        service.register()
        assert is_ready(service)
        ask(valkey.port, "REPLICAOF", "127.0.0.1", str(free_port()))
        assert not is_ready(service)
        assert "auth_store_up 1.0\n" in service.metrics()
        assert "auth_store_writable 0.0" in service.metrics()
        assert service.request("GET", "/health").status == 200
        token = service.login().json()["access_token"]
        for _ in range(20):
            assert service.register("new@example.com").status == 503
            assert service.profile(token).status == 200
        [line] = [one for one in service.log.splitlines() if '"ERROR"' in one]
        assert "changes to the store fail: ReadOnlyError" in line
        ask(valkey.port, "REPLICAOF", "NO", "ONE")
        assert is_ready(service)
        assert "auth_store_writable 1.0" in service.metrics()
        assert service.register("new@example.com").status == 201


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "replica").mkdir()
    server = Server(valkey_binary(), tmp_path / "replica")
    yield server
    server.kill()


@pytest.mark.slow
@pytest.mark.parametrize("planned", [True, False])
def test_promoted_replica_takes_over_its_address(
    tmp_path: Path, valkey: Server, replica: Server, planned: bool
) -> None:
    ask(valkey.port, "CONFIG", "SET", "repl-diskless-sync-delay", "0")
    ask(replica.port, "REPLICAOF", "127.0.0.1", str(valkey.port))
    wait_until(lambda: b"master_link_status:up" in ask(replica.port, "INFO", "replication"))
    with (
        closing(MovableAddress(valkey.port)) as address,
        run_service(tmp_path, STORE_URL=f"valkey://127.0.0.1:{address.port}") as service,
    ):
        load = AccountLoad(service)
        load.wait_for_progress()
        if planned:
            ask(valkey.port, "FAILOVER", "TO", "127.0.0.1", str(replica.port))
        else:
            valkey.kill()
            ask(replica.port, "REPLICAOF", "NO", "ONE")
        wait_until(lambda: b"role:master" in ask(replica.port, "INFO", "replication"))
        wait_until(lambda: bool(load.refused))
        address.target = replica.port
        load.wait_for_progress()
        load.stop()
        lost = load.find_lost(
            lambda email: ask(replica.port, "EXISTS", f"acct:{{{email}}}:user") == b":1\r\n"
        )
        print(load.describe(lost))  # noqa: T201  # for pytest -rP
    assert lost == [] or (not planned and lost[0] > load.refused[0] - 1)


def test_damaged_record_fails_no_other_account(tmp_path: Path, valkey: Server) -> None:
    emails = ["damaged@example.com", "intact@example.com"]
    with run_service(tmp_path, STORE_URL=get_url(valkey)) as service:
        for email in emails:
            service.register(email)
        tokens = [service.login(email).json()["access_token"] for email in emails]
        with Redis(port=valkey.port) as client:
            client.set("acct:{damaged@example.com}:user", b'{"email":"\xff"}')
        # The lookups of requests that arrive together share a round trip.
        with ThreadPool(16) as pool:
            profiles = pool.map(service.profile, tokens * 50)
        assert [one.status for one in profiles] == [503, 200] * 50
        damage = "the record acct:{damaged@example.com}:user is damaged: it is no JSON object"
        assert service.log.count(damage) == 1
