"""The service as a process: `manage.py serve`, and what it refuses."""

import json
import multiprocessing
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from authproject.server.startup import EX_CONFIG
from tests.support.api import JSON, PASSWORD
from tests.support.guides import copy_project, run_in
from tests.support.processes import (
    ROOT,
    START_SECONDS,
    Service,
    begin_registration,
    run_manage,
    run_python,
    run_service,
)

LIMIT = 16 * 1024


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, for a `.env` in its root."""
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in which a deprecated call is an error."""
    warnings = {"PYTHONWARNINGS": "error::DeprecationWarning,error::PendingDeprecationWarning"}
    with run_service(tmp_path_factory.mktemp("serve"), **warnings) as service:
        yield service
        assert "DeprecationWarning" not in service.log


def test_register_login_refresh_and_profile(service: Service) -> None:
    assert service.register("ada@example.com").status == 201
    tokens = service.login("ada@example.com").json()
    fresh = service.post("auth/refresh", {"refresh_token": tokens["refresh_token"]}).json()
    assert service.profile(fresh["access_token"]).json()["email"] == "ada@example.com"


def test_response_has_content_length(service: Service) -> None:
    headers = service.request("GET", "/health").headers
    assert headers["Content-Length"] is not None
    assert headers["Transfer-Encoding"] is None


def test_head_has_the_content_length_of_get(service: Service) -> None:
    head, get = (service.request(method, "/health") for method in ("HEAD", "GET"))
    assert head.body == b""
    assert head.headers["Content-Length"] == get.headers["Content-Length"] == str(len(get.body))


def test_chunked_body_is_read(service: Service) -> None:
    body = json.dumps({"email": "chunked@example.com", "password": PASSWORD}).encode()
    halves = iter([body[:10], body[10:]])
    assert service.post("auth/register", halves, **{"Content-Type": JSON}).status == 201


def test_chunked_body_at_limit_is_read(service: Service) -> None:
    body = b'{"email": "x"' + b" " * (LIMIT - 14) + b"}"
    response = service.post("auth/login", iter([body]), **{"Content-Type": JSON})
    assert response.status == 422


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "declared"])
def test_body_over_limit_is_413(service: Service, chunked: bool) -> None:
    body = b"x" * (LIMIT + 1)
    response = service.post(
        "auth/login", iter([body]) if chunked else body, **{"Content-Type": JSON}
    )
    assert response.status == 413
    assert response.json()["code"] == "payload_too_large"
    assert service.is_up()


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "declared"])
def test_huge_body_is_not_read_into_memory(service: Service, chunked: bool) -> None:
    before = get_memory(service)
    assert b" 413 " in send_huge_body(service, chunked)
    assert get_memory(service) - before < 20_000_000
    assert service.is_up()


def send_huge_body(service: Service, chunked: bool) -> bytes:
    """Send up to 50 MB, until the connection breaks. Return the response."""
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 50000000"
    piece = b"x" * 100_000
    with socket.create_connection(("127.0.0.1", service.port), timeout=START_SECONDS) as connection:
        connection.sendall(
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\n" + length + b"\r\n\r\n"
        )
        try:
            for _ in range(500):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the response came first
        return connection.recv(65_536)


def get_memory(service: Service) -> int:
    """Return the resident bytes of the service's processes."""
    pages = sum(
        int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        for pid in [service.process.pid, *service.workers()]
    )
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_finishes_requests_and_exits_0(tmp_path: Path, name: str) -> None:
    with (
        run_service(tmp_path) as service,
        closing(service.connect()) as connection,
        closing(service.connect()) as idle,
    ):
        idle.request("GET", "/health")
        idle.getresponse().read()  # an idle connection must not delay the end
        send_body = begin_registration(connection)
        service.process.send_signal(getattr(signal, name))
        assert idle.sock.recv(1) == b""  # It ends.
        send_body()
        assert connection.getresponse().status == 201
        assert service.process.wait(START_SECONDS) == 0


def test_runserver_serves(tmp_path: Path) -> None:
    command = ("manage.py", "runserver", "--noreload", "{port}")
    with run_python(tmp_path, *command, PYTHONUNBUFFERED="1") as service:
        assert service.register().status == 201
        assert service.profile(service.login().json()["access_token"]).status == 200


def test_start_with_memory_store_logs_warning(service: Service) -> None:
    assert "accounts are kept in memory" in service.log


def test_wsgi_application_serves(tmp_path: Path) -> None:
    command = ("-m", "granian", "--interface", "wsgi", "--no-ws", "--port", "{port}")
    with run_python(tmp_path, *command, "authproject.wsgi:application") as service:
        assert service.register().status == 201


def test_browsable_api_css_is_served(service: Service) -> None:
    page = service.request("GET", "/api/v1/", Accept="text/html")
    assert page.headers["Content-Type"].startswith("text/html")
    assert service.request("GET", "/static/rest_framework/css/default.css").status == 200


def test_without_browsable_api_html_is_406(tmp_path: Path) -> None:
    with run_service(tmp_path, BROWSABLE_API="false") as service:
        response = service.request("GET", "/api/v1/", Accept="text/html")
        assert response.status == 406
        assert response.json()["code"] == "not_acceptable"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert service.post("auth/login", b"email=a", **form).status == 415


def test_cors_origins_star_allows_every_origin(tmp_path: Path) -> None:
    with run_service(tmp_path, CORS_ORIGINS="*") as service:
        response = service.request("GET", "/health", Origin="http://anywhere.example")
        assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "2"], "--workers 2 needs a store that processes share"),
        (["--workers", "0"], "--workers must be at least 1"),
        *((["--port", port], "is not a port") for port in ("0", "65536", "http", "-1")),
        *((["--drain-seconds", time], "is not a number of seconds") for time in ("-1", "nan", "a")),
        *((["--host", host], f"Cannot listen on {host}:8000") for host in ("host.invalid", "a..b")),
    ],
    ids=str,
)
def test_invalid_option_is_an_error(options: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=re.escape(message)):
        call_command("serve", *options)


STARTS = {
    "serve": ("manage.py", "serve"),
    "runserver": ("manage.py", "runserver"),
    "check": ("manage.py", "check"),
    "wsgi": ("-c", "import authproject.wsgi"),
}


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_start_lists_every_configuration_error(command: tuple[str, ...]) -> None:
    errors = {
        "JWT_SECRET_KEY": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ",
        "JWT_SECRET_KEY_FALLBACKS": "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTI",
        "BCRYPT_ROUNDS": "99",
        "LOG_FORMAT": "xml",
    }
    if command != ("manage.py", "check"):  # which does not check files
        errors |= {
            "SEED_USERS_FILE": "/missing/users.jsonl",
            "STORE_URL": "file:///missing/accounts.jsonl",
        }
    run = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | errors | {"DJANGO_SETTINGS_MODULE": "authproject.settings"},
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert run.returncode == EX_CONFIG
    assert all(f"  {name}: " in run.stderr for name in errors)
    assert "Traceback" not in run.stderr + run.stdout


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_start_lists_lines_of_dotenv_with_other_errors(
    project: Path, command: tuple[str, ...]
) -> None:
    dotenv = project / ".env"
    dotenv.write_text(
        'ENVIRONMENT="hunter2\nhunter2\nCORS_ORIGIN=hunter2\nJWT_SECRET_KEY=hunter2\n'
    )
    run = run_in(project, *command, BCRYPT_ROUNDS="99", LOG_FORMAT="'json'")
    assert run.returncode == EX_CONFIG
    places = [*(f"{dotenv}, line {number}" for number in (1, 2, 3)), "BCRYPT_ROUNDS", "LOG_FORMAT"]
    assert all(run.stderr.count(f"  {place}: ") == 1 for place in places)
    assert "hunter2" not in run.stderr + run.stdout
    assert "Traceback" not in run.stderr + run.stdout


def test_start_logs_unknown_names_once(project: Path) -> None:
    (project / ".env").write_text("POSTGRES_PASSWORD=hunter2\n")
    run = run_in(project, "-c", "import authproject.wsgi", CORS_ORIGIN="hunter2")
    assert run.returncode == 0
    assert run.stderr.count(f"{project / '.env'}, line 1: no setting has this name") == 1
    assert run.stderr.count("CORS_ORIGIN in the environment is no setting; did you mean") == 1
    assert "hunter2" not in run.stderr + run.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
def test_worker_ends_with_its_killed_parent(tmp_path: Path) -> None:
    with run_service(tmp_path) as service:
        worker = service.workers()[0]
        service.process.kill()
        assert wait_for_end(worker)


def wait_for_end(pid: int) -> bool:
    """Wait for the end of a process that is not a child of this one."""
    descriptor = os.pidfd_open(pid)
    try:
        return bool(select.select([descriptor], [], [], START_SECONDS)[0])
    finally:
        os.close(descriptor)


def test_configuration_is_checked_before_port(service: Service) -> None:
    missing = "/missing/users.jsonl"
    run = run_manage("serve", "--port", str(service.port), SEED_USERS_FILE=missing)
    assert f"  SEED_USERS_FILE: {missing}" in run.stderr
    assert "Cannot listen" not in run.stderr


def test_port_in_use_is_an_error_without_traceback(service: Service) -> None:
    run = run_manage("serve", "--port", str(service.port))
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    assert str(service.port) in run.stderr


SPAWNING = """
import multiprocessing, sys
from django.core.management import execute_from_command_line
multiprocessing.set_start_method(sys.argv[1])
execute_from_command_line(["manage.py", "serve", "--port", sys.argv[2]])
"""

WITHOUT_FILE_LOCKS = """
import sys
sys.modules["fcntl"] = None
from accounts.stores import open_store
print(open_store("memory://", lambda: 0.0).backend_name)
"""


@pytest.mark.parametrize("default", ["spawn", "forkserver"])  # macOS; Linux from Python 3.14 on
def test_serve_forks_whatever_the_default_is(tmp_path: Path, default: str) -> None:
    store = (tmp_path / "accounts.jsonl").as_uri()
    with run_python(tmp_path, "-c", SPAWNING, default, "{port}", STORE_URL=store) as service:
        assert service.register().status == 201


def test_serve_without_fork_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(CommandError, match="runserver"):
        call_command("serve", workers=0)  # an error, too, but checked later


def test_memory_store_needs_no_file_locks() -> None:
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_FILE_LOCKS], cwd=ROOT, capture_output=True, check=True
    )
    assert process.stdout == b"memory\n"
