"""nginx in front of the service: responses if the service fails; requests are not repeated."""

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
from tests.support.deploy.nginx_site import FRONT_END, Site, new_client_address, run_nginx, run_site
from tests.support.ports import free_port
from tests.support.processes import START_SECONDS, Service, ServiceResponse, run_service
from tests.support.valkey import wait_until

pytestmark = pytest.mark.usefixtures("nginx_program")

BAD_GATEWAY = {
    "detail": "The service cannot be reached. Try again later.",
    "code": "bad_gateway",
}


def get_error(response: ServiceResponse) -> tuple[int, str, str | None]:
    assert response.headers["Content-Type"] == JSON
    body = response.json()
    assert set(body) == {"detail", "code"}
    return response.status, body["code"], response.headers["Retry-After"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc")
def test_killed_service_is_502_until_restart(tmp_path: Path) -> None:
    with run_site(tmp_path) as (site, service):
        assert site.request("GET", "/health").status == 200  # and nginx keeps its connection
        kill(service)
        named = {"X-Request-ID": "no-service", "Origin": FRONT_END}
        response = site.login(**named)
        assert get_error(response) == (502, "bad_gateway", "5")
        assert response.json() == BAD_GATEWAY
        assert response.headers["X-Request-ID"] == "no-service"
        assert response.headers["Access-Control-Allow-Origin"] == FRONT_END
        assert site.get_line("no-service")["upstream_status"] == "502"
        with run_service(tmp_path, port=str(service.port)):
            assert site.request("GET", "/health").status == 200


def kill(service: Service) -> None:
    """Kill the service and its workers, and wait for their end."""
    for process in [*service.workers(), service.process.pid]:
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: not service.is_up())
    service.process.wait()


def test_service_that_does_not_accept_is_504(tmp_path: Path) -> None:
    with ExitStack() as stack:
        # Its queue of connections is full, so the kernel ignores further ones.
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        site = stack.enter_context(run_nginx(tmp_path, full.getsockname()[1]))
        assert get_error(site.request("GET", "/health")) == (504, "gateway_timeout", "5")


def test_503_of_api_passes_unchanged(tmp_path: Path) -> None:
    unreachable = f"redis://127.0.0.1:{free_port()}/0"
    with run_site(tmp_path, STORE_URL=unreachable) as (site, service):
        response, own = site.login(), service.login()
        assert (response.status, response.body) == (own.status, own.body)
        assert get_error(response) == (503, "store_unavailable", own.headers["Retry-After"])
        assert own.headers["Retry-After"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc")
def test_sent_request_is_not_repeated_on_second_server(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with ExitStack() as stack:
        for folder in (first, second):
            folder.mkdir()
        dying = stack.enter_context(run_service(first))
        other = stack.enter_context(run_service(second))
        server = f"server 127.0.0.1:{other.port} max_fails=0"
        backup = {server: f"{server} backup"}
        site = stack.enter_context(run_nginx(tmp_path, dying.port, other.port, changes=backup))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        [worker] = dying.workers()
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: get_thread_states(worker) == {"T"})
        account = {"email": EMAIL, "password": PASSWORD}
        response = pool.submit(site.post, "auth/register", account)
        wait_until(lambda: count_unread_bytes(dying.port) > 0)
        kill_stopped(dying, worker)
        assert get_error(response.result(START_SECONDS)) == (502, "bad_gateway", "5")
        assert site.request("GET", "/health").status == 200  # from the other service
        assert other.login().status == 401
        assert "auth/register" not in other.log


def get_thread_states(pid: int) -> set[str]:
    """Return the states of a process's threads (Linux). T is stopped."""
    try:
        stats = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return set()  # A thread has just ended.
    return {stat.rpartition(")")[2].split()[0] for stat in stats}


def count_unread_bytes(port: int) -> int:
    """Return the number of unread bytes in the sockets of a port (Linux)."""
    # An IPv6 socket that takes IPv4 connections is in tcp6 only.
    tables = [Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6")]
    rows = [row.split() for table in tables for row in table.splitlines()[1:]]
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
    with run_site(tmp_path_factory.mktemp("failures")) as (site, service):
        yield site, service


def send_half(connection: socket.socket, name: str) -> None:
    connection.sendall(
        f"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {name}\r\n"
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"email"'.encode()
    )


def test_incomplete_body_does_not_reach_service(both: tuple[Site, Service]) -> None:
    site, service = both
    with site.connect() as connection:
        send_half(connection, "half-sent")
        # nginx has one worker here, so it has read the incomplete body before this request.
        assert site.request("GET", "/health", **{"X-Request-ID": "whole"}).status == 200
    assert site.get_line("half-sent")["upstream"] == ""
    wait_until(lambda: '"whole"' in service.log)
    assert "half-sent" not in service.log


def test_incomplete_request_times_out(both: tuple[Site, Service]) -> None:
    site, _ = both
    with site.connect() as header, site.connect() as body:
        header.sendall(b"GET /health HTTP/1.1\r\n")
        send_half(body, "never-whole")
        for connection in (header, body):
            connection.settimeout(15)  # nginx waits for 7 s, and by default for 60
            assert connection.recv(65_536) == b""
    assert site.get_line("never-whole")["upstream"] == ""


@pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc")
def test_logs_of_nginx_contain_no_secret(tmp_path: Path) -> None:
    secret = "a-secret-of-a-client"
    with run_site(tmp_path) as (site, service):
        service.register()
        tokens = site.login().json()
        stopped = new_client_address()
        send_secrets(site, secret, tokens["access_token"], stopped)
        kill(service)
        send_secrets(site, secret, tokens["access_token"], stopped)
        site.raw(f"GET /?{secret} HTTP/1.1\r\nHost: a b\r\n\r\n".encode())
        site.raw(f"{secret}\r\n\r\n".encode())
        assert {429, 502} <= {line["status"] for line in site.lines()}
        for found in (secret, PASSWORD, *map(str, tokens.values())):
            if len(found) > 10:
                assert found not in site.logs


def send_secrets(site: Site, secret: str, token: str, client: str) -> None:
    """Send secrets in every part of a request."""
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
