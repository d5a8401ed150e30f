"""The service as a process: `manage.py serve`, and what it refuses."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.api import JSON, PASSWORD
from tests.support.processes import ROOT, Service, run_manage, run_python, run_service

LIMIT = 16 * 1024


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory.mktemp("serve")) as service:
        yield service


def test_from_registration_to_the_profile(service: Service) -> None:
    assert service.register("tour@example.com").status == 201
    tokens = service.login("tour@example.com").json()
    fresh = service.post("auth/refresh", {"refresh_token": tokens["refresh_token"]}).json()
    assert service.profile(fresh["access_token"]).json()["email"] == "tour@example.com"


def test_bodies_have_a_declared_length(service: Service) -> None:
    headers = service.request("GET", "/health").headers
    assert headers["Content-Length"] is not None
    assert headers["Transfer-Encoding"] is None


def test_a_chunked_body_is_read(service: Service) -> None:
    body = json.dumps({"email": "chunked@example.com", "password": PASSWORD}).encode()
    halves = iter([body[:10], body[10:]])
    assert service.post("auth/register", halves, **{"Content-Type": JSON}).status == 201


def test_a_chunked_body_at_the_limit_is_read(service: Service) -> None:
    body = b'{"email": "x"' + b" " * (LIMIT - 14) + b"}"
    answer = service.post("auth/login", iter([body]), **{"Content-Type": JSON})
    assert answer.status == 422


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "declared"])
def test_a_body_over_the_limit_is_refused(service: Service, chunked: bool) -> None:
    body = b"x" * (LIMIT + 1)
    answer = service.post("auth/login", iter([body]) if chunked else body, **{"Content-Type": JSON})
    assert answer.status == 413
    assert answer.json()["code"] == "payload_too_large"
    assert service.is_up()


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "declared"])
def test_a_huge_body_is_refused_without_being_read_whole(service: Service, chunked: bool) -> None:
    before = memory_of(service)
    assert b" 413 " in send_huge_body(service, chunked)
    assert memory_of(service) - before < 20_000_000
    assert service.is_up()


def send_huge_body(service: Service, chunked: bool) -> bytes:
    """Send up to 50 MB, or as much as is taken; return what was answered."""
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 50000000"
    piece = b"x" * 100_000
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\n" + length + b"\r\n\r\n"
        )
        try:
            for _ in range(500):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It was refused before it was sent.
        return connection.recv(65_536)


def memory_of(service: Service) -> int:
    """Return the resident bytes of the service's processes."""
    pages = sum(
        int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        for pid in [service.process.pid, *service.workers()]
    )
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_lets_requests_finish_and_exits_0(tmp_path: Path, name: str) -> None:
    with (
        run_service(tmp_path, BCRYPT_ROUNDS="12") as service,
        closing(service.connect()) as connection,
        closing(service.connect()) as idle,
    ):
        credentials = json.dumps({"email": "late@example.com", "password": PASSWORD})
        connection.request("POST", "/api/v1/auth/register", credentials, {"Content-Type": JSON})
        idle.request("GET", "/health")
        idle.getresponse().read()  # kept alive: it must not hold up the end
        service.process.send_signal(getattr(signal, name))
        assert connection.getresponse().status == 201
        assert service.process.wait(10) == 0


def test_runserver_works_as_in_any_django_project(tmp_path: Path) -> None:
    command = ("manage.py", "runserver", "--noreload", "{port}")
    with run_python(tmp_path, *command, PYTHONUNBUFFERED="1") as service:
        assert service.register().status == 201
        assert service.profile(service.login().json()["access_token"]).status == 200


def test_the_start_says_that_users_live_in_memory(service: Service) -> None:
    assert "accounts are kept in memory" in service.log


def test_other_servers_load_the_wsgi_application(tmp_path: Path) -> None:
    command = ("-m", "granian", "--interface", "wsgi", "--no-ws", "--port", "{port}")
    with run_python(tmp_path, *command, "authproject.wsgi:application") as service:
        assert service.register().status == 201


def test_each_page_of_the_browsable_api_has_its_own_css(service: Service) -> None:
    page = service.request("GET", "/api/v1/", Accept="text/html")
    assert page.headers["Content-Type"].startswith("text/html")
    assert service.request("GET", "/static/rest_framework/css/default.css").status == 200


def test_without_the_browsable_api_there_is_no_html(tmp_path: Path) -> None:
    with run_service(tmp_path, BROWSABLE_API="false") as service:
        answer = service.request("GET", "/api/v1/", Accept="text/html")
        assert answer.status == 406
        assert answer.json()["code"] == "not_acceptable"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert service.post("auth/login", b"email=a", **form).status == 415


def test_every_origin_may_read_where_development_says_so(tmp_path: Path) -> None:
    with run_service(tmp_path, CORS_ORIGINS="*") as service:
        answer = service.request("GET", "/health", Origin="http://anywhere.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_more_workers_than_one_need_a_shared_store() -> None:
    refused = run_manage("serve", "--workers", "2")
    assert refused.returncode != 0
    assert "--workers 2 needs a store that processes share" in refused.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_what_is_no_port_is_refused_without_a_traceback(port: str) -> None:
    refused = run_manage("serve", f"--port={port}")
    assert "is not a port" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("host", ["host.invalid", "a..b"])
def test_a_host_that_is_not_ours_is_refused_without_a_traceback(host: str) -> None:
    refused = run_manage("serve", "--host", host)
    assert f"Cannot listen on {host}:8000" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_no_workers_are_no_service() -> None:
    assert "at least 1" in run_manage("serve", "--workers", "0").stderr


@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "serve"),
        ("manage.py", "runserver"),
        ("manage.py", "check"),
        ("-c", "import authproject.wsgi"),
    ],
    ids=["serve", "runserver", "check", "wsgi"],
)
def test_a_refused_start_lists_every_fault_without_a_traceback(command: tuple[str, ...]) -> None:
    faulty = {"JWT_SECRET_KEY": "short", "BCRYPT_ROUNDS": "99", "LOG_FORMAT": "xml"}
    if command != ("manage.py", "check"):  # what serves has files to judge, too
        faulty |= {
            "SEED_USERS_FILE": "/missing/users.jsonl",
            "STORE_URL": "file:///missing/accounts.jsonl",
        }
    refused = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | faulty | {"DJANGO_SETTINGS_MODULE": "authproject.settings"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert refused.returncode != 0
    assert all(f"  {name}: " in refused.stderr for name in faulty)
    assert "Traceback" not in refused.stderr + refused.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
def test_a_worker_ends_with_its_killed_parent(tmp_path: Path) -> None:
    with run_service(tmp_path) as service:
        worker = service.workers()[0]
        service.process.kill()
        assert ended(worker)


def ended(pid: int) -> bool:
    """Wait until a process that is no child of ours has ended."""
    descriptor = os.pidfd_open(pid)
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def test_the_configuration_is_judged_before_the_port(service: Service) -> None:
    missing = "/missing/users.jsonl"
    refused = run_manage("serve", "--port", str(service.port), SEED_USERS_FILE=missing)
    assert f"  SEED_USERS_FILE: {missing}" in refused.stderr
    assert "Cannot listen" not in refused.stderr


def test_a_port_in_use_is_refused_without_a_traceback(service: Service) -> None:
    refused = run_manage("serve", "--port", str(service.port))
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert str(service.port) in refused.stderr
