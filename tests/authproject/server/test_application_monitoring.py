"""/metrics responds while other requests are rejected as overloaded."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from authproject.server.application import QUEUE_PER_THREAD, THREADS
from tests.support.api import EMAIL, JSON, PASSWORD
from tests.support.metrics import read
from tests.support.processes import Service, run_service
from tests.support.valkey import Server, valkey_binary, wait_until

TOO_MANY_REQUESTS = THREADS * (1 + QUEUE_PER_THREAD) + 32


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def service(tmp_path: Path, valkey: Server) -> Iterator[Service]:
    with run_service(tmp_path, STORE_URL=f"valkey://127.0.0.1:{valkey.port}") as service:
        yield service


def test_metrics_report_stalled_store_under_load(service: Service, valkey: Server) -> None:
    valkey.pause()
    with ExitStack() as stack:
        for _ in range(TOO_MANY_REQUESTS):
            connection = service.connect()
            stack.callback(connection.close)
            body = json.dumps({"email": EMAIL, "password": PASSWORD})
            connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": JSON})
        wait_until(lambda: "overloaded" in service.log)
        scraped = service.request("GET", "/metrics")
        assert scraped.status == 200
        assert read(scraped.body.decode())["auth_store_up", frozenset()] == 0
