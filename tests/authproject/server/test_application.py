"""Which requests have a thread; how bodies and headers reach Django through the server."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse

from accounts.domain.interfaces import Waits
from accounts.stores.memory import MemoryStore
from authproject.server.application import Application
from authproject.server.handler import Handler
from authproject.server.routes import routes
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import Start
from tests.support.processes import Service, serving
from tests.support.valkey import eventually

LIMIT = 16 * 1024
PROFILE = "/api/v1/protected/profile"
LOGIN = "/api/v1/auth/login"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("dispatch")) as service:
        service.register()
        yield service


def raw(service: Service, method: str, path: str, *headers: bytes, body: bytes = b"") -> bytes:
    """Send these very bytes; return all of the answer."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", b"Connection: close"]
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(b"\r\n".join([*lines, *headers, b"", body]))
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_every_path_says_what_it_waits_for() -> None:
    waits = {route.path: route.waits for route in routes()}
    assert {path for path, one in waits.items() if one is Waits.IDENTITY} == {PROFILE}
    assert {path for path, one in waits.items() if one is Waits.STORE} == {
        "/api/v1/auth/refresh",
        "/api/v1/auth/logout",
        "/api/v1/auth/logout-all",
        "/health/ready",
    }
    assert {path for path, one in waits.items() if one is Waits.NOTHING} == {"/health"}


@pytest.mark.parametrize("name", ["register", "login", "password"])
def test_what_hashes_has_a_thread(name: str) -> None:
    waits = {route.path: route.waits for route in routes()}
    assert waits[f"/api/v1/auth/{name}"] is Waits.ANYTHING


def half_a_body(service: Service, path: str = LOGIN) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=10)
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        'Content-Length: 100\r\n\r\n{"email"'.encode()
    )
    return connection


def test_half_sent_bodies_hold_nobody_up(service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(100):  # three times as many as there are threads
            stack.enter_context(half_a_body(service))
        assert service.login().status == 200
        assert service.request("GET", "/health").status == 200


def test_a_client_that_leaves_in_mid_body_is_a_bad_request(service: Service) -> None:
    half_a_body(service, "/api/v1/auth/logout").close()
    eventually(lambda: "POST /api/v1/auth/logout 400" in service.log)


def test_the_bodies_of_two_requests_on_one_connection_stay_apart(service: Service) -> None:
    connection = service.connect()
    for password, status in ((PASSWORD, 200), ("wrong password", 401)):
        body = json.dumps({"email": EMAIL, "password": password})
        connection.request("POST", LOGIN, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


@pytest.mark.parametrize("token", [b"\xff", b"Bearer \xc3\xa9", b"Bearer\xa0x"])
def test_a_header_that_is_not_ascii_was_sent_all_the_same(service: Service, token: bytes) -> None:
    assert b"token_invalid" in raw(service, "GET", PROFILE, b"Authorization: " + token)


def test_two_authorization_headers_are_no_token(service: Service) -> None:
    token = service.login().json()["access_token"].encode()
    header = b"Authorization: Bearer " + token
    assert b"token_invalid" in raw(service, "GET", PROFILE, header, header)


@pytest.mark.parametrize("query", [b"x=\xe2\x82\xac", b"x=\xc3\xa9", b"\xc2\x85"])
def test_a_query_that_is_not_ascii_is_no_bug(service: Service, query: bytes) -> None:
    target = f"/health?{query.decode()}"
    assert raw(service, "GET", target).startswith(b"HTTP/1.1 200 ")


def test_zeros_in_front_of_a_length_count_for_none(service: Service) -> None:
    length = b"Content-Length: " + b"0" * 5000 + b"2"
    answer = raw(service, "POST", LOGIN, b"Content-Type: application/json", length, body=b"{}")
    assert answer.startswith(b"HTTP/1.1 422 ")


def test_a_request_without_a_host_is_for_none_of_ours(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(b"GET /api/v1/ HTTP/1.0\r\n\r\n")
        assert b"invalid_host" in b"".join(iter(lambda: connection.recv(65_536), b""))


CHUNKED = (b"Content-Type: application/json", b"Transfer-Encoding: chunked")


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def test_a_chunked_body_that_breaks_off_is_not_acted_on(service: Service) -> None:
    body = json.dumps({"email": "broken@example.com", "password": PASSWORD}).encode()
    raw(service, "POST", "/api/v1/auth/register", *CHUNKED, body=chunk(body) + b"zz\r\n")
    eventually(lambda: "auth/register 400" in service.log)
    assert service.login("broken@example.com").status == 401


def test_a_chunked_body_that_ends_is_acted_on(service: Service) -> None:
    body = json.dumps({"email": "whole@example.com", "password": PASSWORD}).encode()
    ended = chunk(body[:10]) + chunk(body[10:]) + b"0\r\n\r\n"
    assert b" 201 " in raw(service, "POST", "/api/v1/auth/register", *CHUNKED, body=ended)


def test_an_underscore_does_not_pass_for_a_hyphen(service: Service) -> None:
    assert b"forged" not in raw(service, "GET", "/health", b"X_Request_ID: forged")


def test_a_head_request_has_the_length_and_no_body(service: Service) -> None:
    head, _, body = raw(service, "HEAD", "/health").partition(b"\r\n\r\n")
    assert b"content-length: 5" in head.lower()
    assert body == b""


class ApartStore(MemoryStore):
    supports_batch_reads = False


def test_where_trips_are_not_shared_each_request_has_a_thread(start: Start) -> None:
    start().accounts.store = ApartStore(MovableClock())
    application = Application(Handler(), threads=1, max_body_bytes=LIMIT)
    assert application._identified_paths == frozenset()


class BrokenHandler(Handler):
    def handle_environ(self, environ: Any) -> Any:
        raise RuntimeError("a secret of the inside")


def test_a_bug_of_the_adapter_is_a_server_error_with_an_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    application = Application(BrokenHandler(), threads=1, max_body_bytes=LIMIT)
    status, headers, body = get_response(application, Scope())
    answer = json.loads(body)
    assert (status, answer["code"]) == (500, "server_error")
    assert answer["request_id"] == dict(headers)["X-Request-ID"]
    assert "secret" not in body.decode()
    assert "a secret of the inside" in caplog.text


class Client:
    """RSGI's protocol, for a client that sends half a body and nothing more."""

    def __init__(self) -> None:
        self.answer: tuple[int, list[tuple[str, str]], bytes] = (0, [], b"")

    def __call__(self) -> asyncio.Future[bytes]:
        return asyncio.get_running_loop().create_future()

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        self.answer = (status, headers, body)


class Scope:
    http_version, method, scheme, query_string = "1.1", "POST", "http", ""
    path, server, client = LOGIN, "127.0.0.1:8000", "127.0.0.1:5000"

    def __init__(self) -> None:
        self.headers = {"host": "localhost"}


def get_response(application: Application, scope: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    client: Any = Client()
    asyncio.run(application.__rsgi__(scope, client))
    answer: tuple[int, list[tuple[str, str]], bytes] = client.answer
    return answer


def test_a_body_that_never_comes_is_given_up(api: Api) -> None:
    application = Application(Handler(), threads=1, max_body_bytes=LIMIT, body_timeout_seconds=0.01)
    scope = Scope()
    scope.headers |= {"content-type": "application/json", "content-length": "10"}
    status, _, body = get_response(application, scope)
    assert (status, json.loads(body)["code"]) == (400, "parse_error")


class CookieHandler(Handler):
    def get_response(self, request: HttpRequest) -> HttpResponse:
        response = HttpResponse()
        response.set_cookie("flavour", "oatmeal")
        return response


def test_cookies_are_sent() -> None:
    application = Application(CookieHandler(), threads=1, max_body_bytes=LIMIT)
    headers = get_response(application, Scope())[1]
    assert ("Set-Cookie", "flavour=oatmeal; Path=/") in [(n, v.strip()) for n, v in headers]
