"""Starts service processes: `manage.py serve` or another command, on a free port."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.settings import TEST_ENVIRONMENT
from tests.support.api import EMAIL, JSON, PASSWORD
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
"""For a start, a response or an end. It only keeps a broken test from hanging."""
PROCESS_ENVIRONMENT = {**TEST_ENVIRONMENT, "DJANGO_SETTINGS_MODULE": "authproject.settings"}


class ServiceResponse(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """A running service process. `log` is everything that it has written."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log_file = log

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def workers(self) -> list[int]:
        """Return the process ids of the children (Linux)."""
        pid = self.process.pid
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> ServiceResponse:
        """Send one request on a new connection."""
        connection = self.connect()
        if isinstance(body, dict):
            body, headers = json.dumps(body), {"Content-Type": JSON, **headers}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = ServiceResponse(response.status, response.headers, response.read())
        connection.close()
        return answer

    def post(self, path: str, body: Any = None, **headers: str) -> ServiceResponse:
        return self.request("POST", f"/api/v1/{path}", body, **headers)

    def profile(self, access_token: str) -> ServiceResponse:
        return self.request(
            "GET", "/api/v1/protected/profile", Authorization=f"Bearer {access_token}"
        )

    def register(self, email: str = EMAIL) -> ServiceResponse:
        return self.post("auth/register", {"email": email, "password": PASSWORD})

    def login(self, email: str = EMAIL) -> ServiceResponse:
        return self.post("auth/login", {"email": email, "password": PASSWORD})

    def metrics(self) -> str:
        return self.request("GET", "/metrics").body.decode()

    def is_up(self) -> bool:
        try:
            return self.request("GET", "/health").status == http.HTTPStatus.OK
        except OSError:
            return False


def is_running(pid: int) -> bool:
    """Return whether a process, or one of its threads, has not ended (Linux).

    A killed process is a zombie while its other threads still hold open files, and locks.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    fields = stat.rpartition(")")[2].split()
    state, threads = fields[0], int(fields[17])
    return state not in {"Z", "X"} or threads > 1


def run_manage(
    *arguments: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` and wait for its end."""
    return run_to_end("manage.py", *arguments, stdin=stdin, **environment)


def run_to_end(
    *command: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `python command...` in the project, and wait for its end."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | PROCESS_ENVIRONMENT | environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@contextmanager
def run_process(
    command: Sequence[str], *, port: int, log: Path, folder: Path, environment: Mapping[str, str]
) -> Iterator[Service]:
    """Run a service in `folder` until the block ends. Waits until it is up on `port`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    service = Service(process, port, log)
    try:
        wait_until_up(service)
        yield service
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def run_python(
    folder: Path, *command: str, port: str = "", **environment: str
) -> AbstractContextManager[Service]:
    """Run `python command...` until the block ends. Waits until it is up.

    `{port}` in the command is replaced by `port`, for a restart, or by a free port.
    """
    port = port or str(free_port())
    return run_process(
        [sys.executable, *(part.format(port=port) for part in command)],
        port=int(port),
        log=folder / f"service-{port}.log",
        folder=ROOT,
        environment=os.environ | PROCESS_ENVIRONMENT | environment,
    )


def run_service(
    folder: Path, *options: str, port: str = "", **environment: str
) -> AbstractContextManager[Service]:
    """Run `manage.py serve` until the block ends. By default, it does not drain."""
    command = ("manage.py", "serve", "--port", "{port}", "--drain-seconds", "0", *options)
    return run_python(folder, *command, port=port, **environment)


def send_registration(
    connection: http.client.HTTPConnection, email: str = "late@example.com"
) -> None:
    """Return when the service has read the headers, so that the request is in flight."""
    begin_registration(connection, email)()


def begin_registration(
    connection: http.client.HTTPConnection, email: str = "late@example.com"
) -> Callable[[], None]:
    """Return when the service has read the headers. The returned function sends the body.

    Until then, the request is in flight, however busy the machine is.
    """
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    connection.putrequest("POST", "/api/v1/auth/register")
    for name, value in (("Content-Type", JSON), ("Content-Length", str(len(body)))):
        connection.putheader(name, value)
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.sock.recv(1024).startswith(b"HTTP/1.1 100 ")
    return partial(connection.send, body)


def wait_until_up(service: Service) -> None:
    deadline = time.monotonic() + START_SECONDS
    pause = threading.Event()
    while not service.is_up():
        if service.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the service did not start:\n{service.log}")
        pause.wait(0.02)
