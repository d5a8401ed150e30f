"""What a client is told when the service cannot answer, and what is never sent twice."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.api import EMAIL, JSON, PASSWORD
from tests.support.deploy.nginx_site import FRONT_END, Site, a_client, edge, nginx
from tests.support.ports import free_port
from tests.support.processes import Answer, Service, serving
from tests.support.valkey import eventually

BAD_GATEWAY = {
    "detail": "The service cannot be reached. Try again later.",
    "code": "bad_gateway",
}


def problem(answer: Answer) -> tuple[int, str, str | None]:
    assert answer.headers["Content-Type"] == JSON
    body = answer.json()
    assert set(body) == {"detail", "code"}
    return answer.status, body["code"], answer.headers["Retry-After"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc")
def test_a_killed_service_is_told_of_and_comes_back_by_itself(tmp_path: Path) -> None:
    with edge(tmp_path) as (site, service):
        assert site.request("GET", "/health").status == 200  # and keeps its connection
        kill(service)
        named = {"X-Request-ID": "nobody-there", "Origin": FRONT_END}
        answer = site.login(**named)
        assert problem(answer) == (502, "bad_gateway", "5")
        assert answer.json() == BAD_GATEWAY
        assert answer.headers["X-Request-ID"] == "nobody-there"
        assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END
        assert site.line("nobody-there")["upstream_status"] == "502"
        with serving(tmp_path, on=str(service.port)):
            assert site.request("GET", "/health").status == 200


def kill(service: Service) -> None:
    """End the service and its worker as a failure of the machine would, and wait for it."""
    for process in [*service.workers(), service.process.pid]:
        os.kill(process, signal.SIGKILL)
    eventually(lambda: not service.answers())
    service.process.wait()


def test_a_service_that_cannot_be_reached_in_time_is_told_of(tmp_path: Path) -> None:
    with ExitStack() as stack:
        # Its queue of connections is full, so the system leaves another one without an answer.
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        site = stack.enter_context(nginx(tmp_path, full.getsockname()[1]))
        assert problem(site.request("GET", "/health")) == (504, "gateway_timeout", "5")


def test_the_apis_own_503_passes_as_it_is(tmp_path: Path) -> None:
    unreachable = f"redis://127.0.0.1:{free_port()}/0"
    with edge(tmp_path, STORE_URL=unreachable) as (site, service):
        answer, own = site.login(), service.login()
        assert (answer.status, answer.body) == (own.status, own.body)
        assert problem(answer) == (503, "store_unavailable", own.headers["Retry-After"])
        assert own.headers["Retry-After"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc")
def test_a_change_that_was_sent_is_not_sent_to_another_machine(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with ExitStack() as stack:
        for folder in (first, second):
            folder.mkdir()
        dying = stack.enter_context(serving(first))
        other = stack.enter_context(serving(second))
        site = stack.enter_context(nginx(tmp_path, dying.port, other.port))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        [worker] = dying.workers()
        os.kill(worker, signal.SIGSTOP)
        eventually(lambda: states(worker) == {"T"})
        account = {"email": EMAIL, "password": PASSWORD}
        answer = pool.submit(site.post, "auth/register", account)
        eventually(lambda: unread(dying.port) > 0)
        kill_stopped(dying, worker)
        assert problem(answer.result(30)) == (502, "bad_gateway", "5")
        assert site.request("GET", "/health").status == 200  # the other one serves
        assert other.login().status == 401
        assert "auth/register" not in other.log


def states(pid: int) -> set[str]:
    """Return the states of a process's threads (Linux): T is stopped."""
    stats = (task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/stat"))
    return {stat.rpartition(")")[2].split()[0] for stat in stats}


def unread(port: int) -> int:
    """Return the bytes that wait in the sockets of a port (Linux)."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(
        int(row[4].partition(":")[2], 16)
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] == "01"
    )


def kill_stopped(service: Service, worker: int) -> None:
    os.kill(service.process.pid, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    service.process.wait()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Service]]:
    with edge(tmp_path_factory.mktemp("failures")) as (site, service):
        yield site, service


def send_half(connection: socket.socket, name: str) -> None:
    connection.sendall(
        f"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {name}\r\n"
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"email"'.encode()
    )


def test_half_a_body_never_reaches_the_service(both: tuple[Site, Service]) -> None:
    site, service = both
    with site.connect() as connection:
        send_half(connection, "half-sent")
        # nginx has one worker here: what it answers now came after the half body.
        assert site.request("GET", "/health", **{"X-Request-ID": "whole"}).status == 200
    assert site.line("half-sent")["upstream"] == ""
    eventually(lambda: '"whole"' in service.log)
    assert "half-sent" not in service.log


def test_what_does_not_come_is_not_waited_for(both: tuple[Site, Service]) -> None:
    site, _ = both
    with site.connect() as header, site.connect() as body:
        header.sendall(b"GET /health HTTP/1.1\r\n")
        send_half(body, "never-whole")
        for connection in (header, body):
            connection.settimeout(15)  # nginx waits for 7 s, and by default for 60
            assert connection.recv(65_536) == b""
    assert site.line("never-whole")["upstream"] == ""


@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc")
def test_nothing_secret_is_in_nginxs_logs(tmp_path: Path) -> None:
    secret = "a-secret-of-a-client"
    with edge(tmp_path) as (site, service):
        service.register()
        tokens = site.login().json()
        stopped = a_client()
        everything(site, secret, tokens["access_token"], stopped)
        kill(service)
        everything(site, secret, tokens["access_token"], stopped)
        site.raw(f"GET /?{secret} HTTP/1.1\r\nHost: a b\r\n\r\n".encode())
        site.raw(f"{secret}\r\n\r\n".encode())
        assert {429, 502} <= {line["status"] for line in site.lines()}
        for found in (secret, PASSWORD, *map(str, tokens.values())):
            if len(found) > 10:
                assert found not in site.logs


def everything(site: Site, secret: str, token: str, client: str) -> None:
    """Send secrets wherever a client can."""
    path = f"/api/v1/auth/login?token={token}&password={secret}"
    headers = {
        "Authorization": f"Bearer {token}",
        "Cookie": f"browsable_access={token}",
        "Referer": f"https://localhost/?{secret}",
        "User-Agent": secret,
    }
    for _ in range(12):
        site.request("POST", path, {"password": secret}, client=client, **headers)
    for target in ("/metrics", "/", "/nowhere"):
        site.request("GET", f"{target}?{secret}", **headers)
    site.request("POST", path, b"x" * 40_000, **headers)
