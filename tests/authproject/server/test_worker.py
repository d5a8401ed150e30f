"""How worker processes are replaced and end. test_serve_signals.py has the signals."""

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.support.api import PASSWORD
from tests.support.metrics import read
from tests.support.ports import free_port
from tests.support.processes import (
    PROCESS_ENVIRONMENT,
    ROOT,
    Service,
    is_running,
    run_service,
)
from tests.support.valkey import wait_until

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
RESTARTS = ("auth_worker_restarts_total", frozenset[str]())


def get_restarts(service: Service) -> float | None:
    try:
        return read(service.request("GET", "/metrics").body.decode()).get(RESTARTS)
    except (OSError, http.client.HTTPException):
        return None  # the killed worker had accepted the connection


def kill_worker(service: Service) -> None:
    killed = service.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in service.workers() and len(service.workers()) == 2)


@needs_proc
def test_replaced_worker_is_counted(tmp_path: Path, valkey_url: str) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == 2)
        assert get_restarts(service) == 0
        kill_worker(service)
        wait_until(lambda: get_restarts(service) == 1)
        kill_worker(service)
        wait_until(lambda: get_restarts(service) == 2)


def is_stopped(pid: int) -> bool:
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    try:
        return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)
    except (FileNotFoundError, ProcessLookupError):
        return False  # A thread has just ended.


@needs_proc
def test_connections_to_a_killed_worker_are_served(tmp_path: Path, valkey_url: str) -> None:
    with (
        run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service,
        ExitStack() as stack,
    ):
        wait_until(lambda: len(service.workers()) == 2)
        stopped = service.workers()[0]
        os.kill(stopped, signal.SIGSTOP)
        wait_until(lambda: is_stopped(stopped))  # It accepts no more.
        connections = [stack.enter_context(closing(service.connect())) for _ in range(20)]
        for connection in connections:
            connection.request("GET", "/health")
        kill_worker(service)
        assert [one.getresponse().status for one in connections] == [200] * 20


def test_single_worker_has_no_restarts(tmp_path: Path) -> None:
    with run_service(tmp_path) as service:
        assert get_restarts(service) == 0


@needs_proc
def test_starting_worker_ends_with_its_killed_parent(tmp_path: Path) -> None:
    seeds = tmp_path / "users.jsonl"
    lines = [{"email": f"user{n}@example.com", "password": PASSWORD} for n in range(8)]
    seeds.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    # It hashes before it serves, for two seconds of a core.
    environment = {"SEED_USERS_FILE": str(seeds), "BCRYPT_ROUNDS": "12"}
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port)],
            cwd=ROOT,
            env=PROCESS_ENVIRONMENT | environment,
            stderr=output,
        )
    service = Service(process, port, log)
    wait_until(lambda: bool(service.workers()))
    worker = service.workers()[0]
    wait_until(lambda: len(list(Path(f"/proc/{worker}/task").iterdir())) > 1)
    process.kill()
    process.wait()
    try:
        wait_until(lambda: not Path(f"/proc/{worker}").exists())
    finally:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


@needs_proc
def test_worker_of_killed_parent_ends_although_a_request_does_not(tmp_path: Path) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "tests.support.blocking_settings"}
    with run_service(tmp_path, **settings) as service, closing(service.connect()) as connection:
        [worker] = service.workers()
        connection.request("GET", "/block")
        wait_until(lambda: "the view blocks" in service.log)
        service.process.kill()
        try:
            wait_until(lambda: not is_running(worker))
        finally:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


@needs_proc
def test_worker_of_killed_parent_waits_for_no_other(tmp_path: Path, valkey_url: str) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == 2)
        first, second = service.workers()
        os.kill(second, signal.SIGSTOP)
        service.process.kill()
        try:
            wait_until(lambda: not is_running(first))
        finally:
            for worker in (first, second):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
