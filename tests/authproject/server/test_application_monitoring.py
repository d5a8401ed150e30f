"""Who watches the service is answered when its clients are turned away."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.urls import path

from authproject.monitoring.health import ReadinessView
from authproject.server.application import QUEUE_PER_THREAD, THREADS, Application
from authproject.server.handler import Handler
from authproject.server.routes import routes
from tests.authproject.server.test_application import LIMIT, Scope, get_response
from tests.support.api import EMAIL, JSON, PASSWORD, Api
from tests.support.metrics import read
from tests.support.processes import Service, serving
from tests.support.valkey import Server, eventually, valkey_binary

MORE_THAN_MAY_WAIT = THREADS * (1 + QUEUE_PER_THREAD) + 32


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def service(tmp_path: Path, valkey: Server) -> Iterator[Service]:
    with serving(tmp_path, STORE_URL=f"valkey://127.0.0.1:{valkey.port}") as service:
        yield service


def test_what_watches_the_service_says_so() -> None:
    assert {route.path for route in routes() if route.is_probe} == {"/health/ready", "/metrics"}


def test_a_route_of_ones_own_may_be_a_probe() -> None:
    [route] = routes([path("mine", ReadinessView.as_view())])
    assert route.is_probe


def test_a_stalled_store_under_load_is_told_to_prometheus(service: Service, valkey: Server) -> None:
    valkey.pause()
    with ExitStack() as stack:
        for _ in range(MORE_THAN_MAY_WAIT):
            connection = service.connect()
            stack.callback(connection.close)
            body = json.dumps({"email": EMAIL, "password": PASSWORD})
            connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": JSON})
        eventually(lambda: "overloaded" in service.log)
        scraped = service.request("GET", "/metrics")
        assert scraped.status == 200
        assert read(scraped.body.decode())["auth_store_up", frozenset()] == 0


def full(api: Api) -> Application:
    application = Application(Handler(), threads=1, max_body_bytes=LIMIT)
    application._clients.pending = application._clients.max_pending
    return application


def test_clients_do_not_keep_probes_out(api: Api) -> None:
    scope = Scope()
    scope.method, scope.path = "GET", "/metrics"
    assert get_response(full(api), scope)[0] == 200


def test_who_is_turned_away_learns_that_too_many_wait(api: Api) -> None:
    status, headers, body = get_response(full(api), Scope())
    assert (status, json.loads(body)) == (
        503,
        {"detail": "Too many requests are waiting.", "code": "overloaded"},
    )
    assert dict(headers)["Retry-After"] == "2"


def test_probes_have_a_bound_too(api: Api) -> None:
    application = Application(Handler(), threads=1, max_body_bytes=LIMIT)
    application._probes.pending = application._probes.max_pending
    scope = Scope()
    scope.method, scope.path = "GET", "/metrics"
    status, _, body = get_response(application, scope)
    assert (status, json.loads(body)["code"]) == (503, "overloaded")
