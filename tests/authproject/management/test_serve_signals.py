"""Signals sent to `manage.py serve` and to its workers, as docs/operate/signals.md lists them."""

import http.client
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from tests.support.api import PASSWORD
from tests.support.metrics import read
from tests.support.ports import free_port
from tests.support.processes import (
    PROCESS_ENVIRONMENT,
    ROOT,
    START_SECONDS,
    Service,
    begin_registration,
    is_running,
    run_process,
    run_python,
    run_service,
    send_registration,
    wait_until_up,
)
from tests.support.valkey import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")

STORES = ["memory", "file", "valkey"]
ENDING = {"SIGQUIT": "memory", "SIGUSR1": "file", "SIGUSR2": "valkey"}
"""Each of these signals with the store of its test: the store has no part in how a process ends."""
CLIENTS = 4
SIGNALS = 50
MAX_IDLE_SECONDS = 0.5
"""A client that is not scheduled is idle. A worker that is replaced waits longer for a request."""
HOSTS = ["localhost", "127.0.0.1"]
RELOADED = "replaced the workers after SIGHUP"
RESTARTS = ("auth_worker_restarts_total", frozenset[str]())


@pytest.fixture(params=STORES)
def any_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return get_store_url(request, tmp_path)


@pytest.fixture(params=["memory", "file"])
def unshared_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return get_store_url(request, tmp_path)


def get_store_url(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "valkey":
        return str(request.getfixturevalue("valkey_url"))
    return "memory://" if request.param == "memory" else f"file://{folder}/accounts.jsonl"


def send(name: str, *pids: int) -> None:
    for pid in pids:
        os.kill(pid, getattr(signal, name))


@pytest.mark.parametrize("host", HOSTS)
def test_hangup_finishes_requests_and_exits_0(
    tmp_path: Path, unshared_store_url: str, host: str
) -> None:
    with (
        run_service(tmp_path, "--host", host, STORE_URL=unshared_store_url) as service,
        closing(service.connect()) as connection,
        closing(service.connect()) as idle,
    ):
        worker = service.workers()[0]
        send_body = begin_registration(connection)
        idle.request("GET", "/health")
        idle.getresponse().read()
        send("SIGHUP", service.process.pid, worker)  # a closed terminal sends it to both
        assert idle.sock.recv(1) == b""  # The worker ends.
        send_body()
        assert connection.getresponse().status == 201
        assert service.process.wait(START_SECONDS) == 0
        assert not is_running(worker)
        assert "stopped by SIGHUP" in service.log


def get_closing_status(service: Service, path: str) -> int | None:
    """Return the status of a response that closes its connection; `None` for another."""
    with closing(service.connect()) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status if response.headers["Connection"] == "close" else None


def test_draining_service_serves_and_is_not_ready(tmp_path: Path, any_store_url: str) -> None:
    with run_service(tmp_path, "--drain-seconds", "600", STORE_URL=any_store_url) as service:
        send("SIGTERM", service.process.pid)
        wait_until(lambda: get_closing_status(service, "/health/ready") == 503)
        assert get_closing_status(service, "/health") == 200
        assert service.register().status == 201
        send("SIGTERM", service.process.pid)  # again: now
        assert service.process.wait(START_SECONDS) == 0


def test_drained_service_closes_idle_connections(tmp_path: Path) -> None:
    with (
        run_service(tmp_path, "--drain-seconds", "0.2") as service,
        closing(service.connect()) as idle,
    ):
        idle.request("GET", "/health")
        idle.getresponse().read()
        send("SIGTERM", service.process.pid)
        assert idle.sock.recv(1) == b""
        assert service.process.wait(START_SECONDS) == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_signal_without_draining_ends_worker(tmp_path: Path, name: str) -> None:
    with run_service(tmp_path, "--drain-seconds", "600") as service:
        [worker] = service.workers()
        send(name, service.process.pid)
        service.process.wait(START_SECONDS)
        wait_until(lambda: not is_running(worker))


def test_registration_that_takes_too_long_is_503_at_the_end(tmp_path: Path) -> None:
    # Three are accepted, as an estimate of at most three seconds allows. They take eight.
    with run_service(tmp_path, BCRYPT_ROUNDS="16") as service, ExitStack() as stack:
        connections = [stack.enter_context(closing(service.connect())) for _ in range(3)]
        for number, connection in enumerate(connections):
            send_registration(connection, f"user{number}@example.com")
        send("SIGTERM", service.process.pid)
        responses = [connection.getresponse() for connection in connections]
        assert {response.headers["Connection"] for response in responses} == {"close"}
        refused = [response for response in responses if response.status != 201]
        assert refused
        assert {response.status for response in refused} == {503}
        assert all(response.headers["Retry-After"] for response in refused)
        assert service.process.wait(START_SECONDS) == 0


def test_closed_terminal_leaves_no_process(tmp_path: Path) -> None:
    terminal, inner = os.openpty()
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | PROCESS_ENVIRONMENT,
        preexec_fn=lambda: os.login_tty(inner),  # noqa: PLW1509  # its controlling terminal
    )
    os.close(inner)
    service = Service(process, port, tmp_path / "log")
    try:
        wait_until_up(service)
        [worker] = service.workers()
        os.close(terminal)
        # 120 is Python's own: the last line could not be written to the closed terminal.
        assert process.wait(START_SECONDS) in {0, 120}
        assert not is_running(worker)
    finally:
        process.kill()


@contextmanager
def run_with_nohup(folder: Path, **environment: str) -> Iterator[Service]:
    port = free_port()
    command = ["nohup", sys.executable, "manage.py", "serve", "--port", str(port)]
    environment = os.environ | PROCESS_ENVIRONMENT | environment
    log = folder / "service.log"
    with run_process(command, port=port, log=log, folder=ROOT, environment=environment) as service:
        yield service


def ignores(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text().split("SigIgn:")[1].split()[0]
    return bool(int(status, 16) & 1 << number - 1)


def test_ignored_hangup_stays_ignored(tmp_path: Path, any_store_url: str) -> None:
    with run_with_nohup(tmp_path, STORE_URL=any_store_url) as service:
        processes = [service.process.pid, *service.workers()]
        send("SIGHUP", *processes)
        assert all(ignores(pid, signal.SIGHUP) for pid in processes)
        assert service.register().status == 201
        assert [service.process.pid, *service.workers()] == processes


def test_hangup_to_every_process_exits_0(tmp_path: Path) -> None:
    with run_service(tmp_path) as service:
        send("SIGHUP", *service.workers(), service.process.pid)
        assert service.process.wait(START_SECONDS) == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_to_every_process_ends_worker_first_exits_0(tmp_path: Path, name: str) -> None:
    with run_service(tmp_path) as service:
        [worker] = service.workers()
        send("SIGSTOP", service.process.pid)
        send(name, service.process.pid, worker)
        wait_until(lambda: not is_running(worker))
        send("SIGCONT", service.process.pid)
        assert service.process.wait(START_SECONDS) == 0
        assert f"stopped by {name}" in service.log


def test_repeated_signals_let_worker_finish_requests(tmp_path: Path) -> None:
    with (
        run_service(tmp_path) as service,
        closing(service.connect()) as connection,
    ):
        [worker] = service.workers()
        send_body, numbers = begin_registration(connection), count(1)
        send("SIGTERM", service.process.pid)

        def is_answered() -> bool:
            with suppress(ProcessLookupError):  # It may have answered and ended.
                send("SIGINT", worker)  # as by each Ctrl+C
            if next(numbers) == SIGNALS:
                send_body()
            return bool(select.select([connection.sock], [], [], 0)[0])

        wait_until(is_answered)
        assert connection.getresponse().status == 201
        assert service.process.wait(START_SECONDS) == 0


class Load:
    """Clients with one connection each, and clients with one connection for each request."""

    def __init__(self, service: Service) -> None:
        self.responses = 0
        self.errors: list[str] = []
        self._service = service
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(keep_alive,))
            for keep_alive in (False, True) * CLIENTS
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(START_SECONDS)

    def _run(self, keep_alive: bool) -> None:
        headers = {} if keep_alive else {"Connection": "close"}
        with closing(self._service.connect()) as connection:
            answered = time.monotonic()
            while not self._stopped.is_set():
                if time.monotonic() - answered > MAX_IDLE_SECONDS:
                    connection.close()  # An idle connection may be closed; it connects again.
                try:
                    connection.request("GET", "/health", headers=headers)
                    response = connection.getresponse()
                    response.read()
                except (OSError, http.client.HTTPException) as error:
                    self.errors.append(f"{keep_alive=} {error!r}")
                    return
                if response.status != 200:
                    self.errors.append(str(response.status))
                self.responses += 1
                answered = time.monotonic()


def reload(service: Service) -> None:
    old = set(service.workers())
    before = service.log.count(RELOADED)
    send("SIGHUP", service.process.pid)
    wait_until(lambda: service.log.count(RELOADED) > before)
    wait_until(lambda: old.isdisjoint(service.workers()) and len(service.workers()) == len(old))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("workers", [1, 2])
def test_reload_refuses_no_request(
    tmp_path: Path, valkey_url: str, host: str, workers: int
) -> None:
    options = ("--host", host, "--workers", str(workers))
    with run_service(tmp_path, *options, STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == workers)
        assert service.register().status == 201
        with Load(service) as load:
            reload(service)
            reload(service)
        assert load.errors == []
        assert load.responses > 0
        assert service.login().status == 200
        assert read(service.metrics())[RESTARTS] == 0  # workers that died


STOPPING_LATE = """
import sys, time
from authproject.server import listener
from authproject.server.granian_server import RETIRE_SECONDS
from django.core.management import execute_from_command_line

def stop_late(socket):
    time.sleep(2 * RETIRE_SECONDS)
    stop_accepting(socket)

stop_accepting, listener.stop_accepting = listener.stop_accepting, stop_late
execute_from_command_line(["manage.py", "serve", "--port", sys.argv[1]])
"""
"""A service whose worker, as on a busy machine, needs seconds to stop accepting."""


def test_reload_with_worker_that_is_not_scheduled_refuses_no_request(
    tmp_path: Path, valkey_url: str
) -> None:
    with run_python(tmp_path, "-c", STOPPING_LATE, "{port}", STORE_URL=valkey_url) as service:
        with Load(service) as load:
            reload(service)
        assert load.errors == []


def test_hangup_to_every_process_reloads(tmp_path: Path, valkey_url: str) -> None:
    with run_service(tmp_path, STORE_URL=valkey_url) as service:
        old = service.workers()
        send("SIGHUP", service.process.pid, *old)
        wait_until(lambda: len(service.workers()) == 1 and service.workers() != old)
        assert service.is_up()


def test_reload_with_idle_connection_ends(tmp_path: Path, valkey_url: str) -> None:
    with (
        run_service(tmp_path, STORE_URL=valkey_url) as service,
        closing(service.connect()) as idle,
    ):
        idle.request("GET", "/health")
        assert idle.getresponse().read()
        reload(service)


def test_request_in_flight_survives_reload(tmp_path: Path, valkey_url: str) -> None:
    with (
        run_service(tmp_path, STORE_URL=valkey_url) as service,
        closing(service.connect()) as connection,
    ):
        [worker] = service.workers()
        send_body = begin_registration(connection)
        send("SIGHUP", service.process.pid)
        wait_until(lambda: ignores(worker, signal.SIGUSR1))  # It is being replaced.
        send_body()
        assert connection.getresponse().status == 201
        wait_until(lambda: RELOADED in service.log)


def test_reload_keeps_worker_if_the_new_one_does_not_start(tmp_path: Path, valkey_url: str) -> None:
    seeds = tmp_path / "users.jsonl"
    seeds.write_text("")
    options = {"STORE_URL": valkey_url, "SEED_USERS_FILE": str(seeds)}
    with run_service(tmp_path, **options) as service:
        workers = service.workers()
        seeds.write_text("broken")
        send("SIGHUP", service.process.pid)
        wait_until(lambda: "a new worker did not start" in service.log)
        wait_until(lambda: service.workers() == workers)
        assert service.is_up()
        seeds.write_text("")
        reload(service)


def count_threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_reload_keeps_worker_if_the_new_one_dies(tmp_path: Path, valkey_url: str) -> None:
    with run_service(tmp_path, STORE_URL=valkey_url) as service:
        [worker] = service.workers()
        send("SIGHUP", service.process.pid)
        wait_until(lambda: len(service.workers()) == 2)
        send("SIGSTOP", service.process.pid)
        [new] = set(service.workers()) - {worker}
        wait_until(lambda: count_threads(new) == count_threads(worker))  # It serves.
        send("SIGKILL", new)
        wait_until(lambda: not is_running(new))
        send("SIGCONT", service.process.pid)
        wait_until(lambda: "a new worker did not start" in service.log)
        wait_until(lambda: service.workers() == [worker])
        assert service.is_up()


def limit_open_files(pid: int, limit: int) -> int:
    """Set how many files a process may open. Return what the limit was."""
    before, maximum = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, maximum))
    return before


def test_reload_that_can_start_no_process_keeps_worker(tmp_path: Path, valkey_url: str) -> None:
    with run_service(tmp_path, STORE_URL=valkey_url) as service:
        workers = service.workers()
        limit = limit_open_files(service.process.pid, 3)  # A new process needs pipes.
        send("SIGHUP", service.process.pid)
        wait_until(lambda: "a new worker did not start" in service.log)
        assert "Too many open files" in service.log
        assert service.is_up()
        assert service.workers() == workers
        limit_open_files(service.process.pid, limit)
        reload(service)


def test_service_that_cannot_replace_dead_worker_ends(tmp_path: Path, valkey_url: str) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == 2)
        killed, other = service.workers()
        limit_open_files(service.process.pid, 3)
        send("SIGKILL", killed)
        assert service.process.wait(10) == 1
        assert not is_running(other)


def test_worker_that_dies_after_is_replaced(tmp_path: Path, valkey_url: str) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == 2)
        reload(service)
        killed = service.workers()[0]
        send("SIGKILL", killed)
        wait_until(lambda: killed not in service.workers() and len(service.workers()) == 2)
        wait_until(lambda: read(service.metrics())[RESTARTS] == 1)


@pytest.mark.parametrize("index", [0, 1])
def test_worker_that_dies_during_reload_is_replaced_once(
    tmp_path: Path, valkey_url: str, index: int
) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == 2)
        workers = set(old := service.workers())

        def is_reloaded(times: int) -> bool:
            workers.update(service.workers())
            return service.log.count(RELOADED) == times and len(service.workers()) == 2

        send("SIGHUP", service.process.pid)
        wait_until(lambda: len(service.workers()) == 3)
        send("SIGKILL", old[index])
        wait_until(lambda: is_reloaded(1))
        send("SIGHUP", service.process.pid)  # Before it, the parent looks for dead workers.
        wait_until(lambda: is_reloaded(2))
        assert len(workers) == 6  # two at the start, and two for each reload


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_reload_is_ended_by_signal(tmp_path: Path, valkey_url: str, name: str) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == 2)
        send("SIGHUP", service.process.pid)
        wait_until(lambda: len(service.workers()) == 3)
        workers = service.workers()
        send(name, service.process.pid)
        assert service.process.wait(START_SECONDS) == 0
        assert not any(map(is_running, workers))


def test_signal_while_worker_retires_exits_0(tmp_path: Path, valkey_url: str) -> None:
    with (
        run_service(tmp_path, STORE_URL=valkey_url) as service,
        closing(service.connect()) as connection,
    ):

        def closes_connection() -> bool:
            try:
                connection.request("GET", "/health")
                response = connection.getresponse()
                response.read()
            except ConnectionError:
                return True  # This process came too late for the response that says so.
            return response.headers["Connection"] == "close"

        send("SIGHUP", service.process.pid)
        wait_until(closes_connection)
        send("SIGTERM", service.process.pid)
        assert service.process.wait(START_SECONDS) == 0


NEVER_KILLING = """
import sys
from authproject.server import granian_server
from django.core.management import execute_from_command_line
granian_server.SHUTDOWN_SECONDS = 600
execute_from_command_line(["manage.py", "serve", "--port", sys.argv[1]])
"""
"""A service that kills no worker: with one that does not end, it does not end either."""


@contextmanager
def start_never_killing(folder: Path, **environment: str) -> Iterator[Service]:
    """Start such a service, until the block ends."""
    port, log = free_port(), folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", NEVER_KILLING, str(port)],
            cwd=ROOT,
            env=os.environ | PROCESS_ENVIRONMENT | environment,
            stderr=output,
        )
    try:
        yield Service(process, port, log)
    finally:
        process.kill()
        process.wait()


def test_worker_that_starts_ends_at_once(tmp_path: Path) -> None:
    seeds = tmp_path / "users.jsonl"
    lines = [{"email": f"user{n}@example.com", "password": PASSWORD} for n in range(64)]
    seeds.write_text("\n".join(map(json.dumps, lines)))
    environment = {"SEED_USERS_FILE": str(seeds), "BCRYPT_ROUNDS": "12"}  # hashes for 16 seconds
    with start_never_killing(tmp_path, **environment) as service:
        wait_until(lambda: bool(service.workers()))
        [worker] = service.workers()
        # It has started a thread, which is its first step.
        wait_until(lambda: count_threads(worker) > 1)
        service.process.terminate()
        assert service.process.wait(START_SECONDS) == 0
        assert not is_running(worker)


def has_pending_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text().split("ShdPnd:")[1].split()[0]
    return bool(int(status, 16) & 1 << signal.SIGTERM - 1)


def test_worker_that_was_just_forked_ends_at_once(tmp_path: Path) -> None:
    with start_never_killing(tmp_path) as service:
        wait_until(lambda: "serving on" in service.log)
        while not service.workers():
            pass  # It has its own handler of SIGTERM a few milliseconds later.
        [worker] = service.workers()
        send("SIGSTOP", worker)
        service.process.terminate()
        wait_until(lambda: has_pending_sigterm(worker))
        send("SIGCONT", worker)
        assert service.process.wait(START_SECONDS) == 0


@pytest.mark.parametrize(("name", "any_store_url"), ENDING.items(), indirect=["any_store_url"])
def test_ending_signal_ends_service(tmp_path: Path, any_store_url: str, name: str) -> None:
    with run_service(tmp_path, STORE_URL=any_store_url) as service:
        [worker] = service.workers()
        send(name, service.process.pid)
        assert service.process.wait(START_SECONDS) == -getattr(signal, name)
        wait_until(lambda: not is_running(worker))


@pytest.mark.parametrize(
    ("name", "any_store_url"),
    [*ENDING.items(), ("SIGTERM", "file"), ("SIGINT", "memory")],
    indirect=["any_store_url"],
)
def test_ended_single_worker_ends_service(tmp_path: Path, any_store_url: str, name: str) -> None:
    with run_service(tmp_path, STORE_URL=any_store_url) as service:
        send(name, *service.workers())
        assert service.process.wait(START_SECONDS) == 1


@pytest.mark.parametrize("name", [*ENDING, "SIGTERM", "SIGINT"])
def test_ended_worker_of_two_is_replaced(tmp_path: Path, valkey_url: str, name: str) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == 2)
        ended = service.workers()[0]

        def is_replaced() -> bool:
            if ended in service.workers():
                send(name, ended)  # again: it may just start
            return ended not in service.workers() and len(service.workers()) == 2

        wait_until(is_replaced)
        assert service.is_up()


def test_window_change_does_nothing(tmp_path: Path) -> None:
    with run_service(tmp_path) as service:
        processes = [service.process.pid, *service.workers()]
        send("SIGWINCH", *processes)
        assert service.register().status == 201
        assert [service.process.pid, *service.workers()] == processes


def test_hangup_to_worker_does_nothing(tmp_path: Path) -> None:
    with run_service(tmp_path) as service:
        [worker] = service.workers()
        send("SIGHUP", worker)
        assert service.register().status == 201
        assert service.workers() == [worker]
