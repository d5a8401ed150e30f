"""How requests and bodies reach Django, and which run on a thread."""

import asyncio
import gc
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from accounts.browsable.cookies import ACCESS_COOKIE
from accounts.domain.interfaces import UserAndSession
from accounts.domain.users import EmailAddress
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.stores.memory import MemoryStore
from authproject.server.application import THREADS
from authproject.server.execution import Execution
from authproject.server.handler import Handler
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock
from tests.support.http import Start
from tests.support.metrics import read
from tests.support.passwords import build_full_executor
from tests.support.processes import START_SECONDS, Service, run_service
from tests.support.rsgi import (
    BrokenHandler,
    RSGIProtocol,
    RSGIScope,
    build_application,
    build_overloaded_application,
    call,
    receive,
    register_together,
    send,
)
from tests.support.valkey import Server, valkey_binary, wait_until

PROFILE = "/api/v1/protected/profile"
LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
JSON_BODY = (("content-type", JSON), ("content-length", "2"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory.mktemp("application")) as service:
        service.register()
        yield service


def raw(service: Service, method: str, path: str, *headers: bytes, body: bytes = b"") -> bytes:
    """Send the bytes as they are, and return the whole response."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", b"Connection: close"]
    with socket.create_connection(("127.0.0.1", service.port), timeout=START_SECONDS) as connection:
        connection.sendall(b"\r\n".join([*lines, *headers, b"", body]))
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def half_a_body(service: Service, path: str = LOGIN) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=START_SECONDS)
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        'Content-Length: 100\r\n\r\n{"email"'.encode()
    )
    return connection


def test_half_sent_bodies_block_no_other_request(service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(100):  # three times as many as there are threads
            stack.enter_context(half_a_body(service))
        assert service.login().status == 200
        assert service.request("GET", "/health").status == 200


def test_client_disconnects_in_body_is_logged_as_400(service: Service) -> None:
    half_a_body(service, "/api/v1/auth/logout").close()
    wait_until(lambda: "POST /api/v1/auth/logout 400" in service.log)


def test_keep_alive_requests_have_separate_bodies(service: Service) -> None:
    connection = service.connect()
    for password, status in ((PASSWORD, 200), ("wrong password", 401)):
        body = json.dumps({"email": EMAIL, "password": password})
        connection.request("POST", LOGIN, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


@pytest.mark.parametrize("token", [b"\xff", b"Bearer \xc3\xa9", b"Bearer\xa0x"])
def test_non_ascii_header_counts_as_sent(service: Service, token: bytes) -> None:
    assert b"token_invalid" in raw(service, "GET", PROFILE, b"Authorization: " + token)


def test_two_authorization_headers_are_invalid(service: Service) -> None:
    token = service.login().json()["access_token"].encode()
    header = b"Authorization: Bearer " + token
    assert b"token_invalid" in raw(service, "GET", PROFILE, header, header)


@pytest.mark.parametrize("query", [b"x=\xe2\x82\xac", b"x=\xc3\xa9", b"\xc2\x85"])
def test_non_ascii_query_is_accepted(service: Service, query: bytes) -> None:
    target = f"/health?{query.decode()}"
    assert raw(service, "GET", target).startswith(b"HTTP/1.1 200 ")


def test_content_length_with_leading_zeros_is_parsed(service: Service) -> None:
    length = b"Content-Length: " + b"0" * 5000 + b"2"
    answer = raw(service, "POST", LOGIN, b"Content-Type: application/json", length, body=b"{}")
    assert answer.startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize(("size", "status"), [(30_000, 200), (65_536, 431)])
def test_headers_have_a_bound(service: Service, size: int, status: int) -> None:
    response = raw(service, "GET", "/health", b"X: " + b"x" * size)
    assert response.startswith(b"HTTP/1.1 %d " % status)


def test_request_without_host_is_invalid_host(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=START_SECONDS) as connection:
        connection.sendall(b"GET /api/v1/ HTTP/1.0\r\n\r\n")
        assert b"invalid_host" in b"".join(iter(lambda: connection.recv(65_536), b""))


CHUNKED = (b"Content-Type: application/json", b"Transfer-Encoding: chunked")


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def test_chunked_body_broken_off_changes_nothing(service: Service) -> None:
    body = json.dumps({"email": "broken@example.com", "password": PASSWORD}).encode()
    raw(service, "POST", "/api/v1/auth/register", *CHUNKED, body=chunk(body) + b"zz\r\n")
    wait_until(lambda: "auth/register 400" in service.log)
    assert service.login("broken@example.com").status == 401


def test_chunked_body_complete_is_processed(service: Service) -> None:
    body = json.dumps({"email": "whole@example.com", "password": PASSWORD}).encode()
    ended = chunk(body[:10]) + chunk(body[10:]) + b"0\r\n\r\n"
    assert b" 201 " in raw(service, "POST", "/api/v1/auth/register", *CHUNKED, body=ended)


def test_header_with_underscore_is_ignored(service: Service) -> None:
    assert b"forged" not in raw(service, "GET", "/health", b"X_Request_ID: forged")


def test_head_response_has_length_and_no_body(service: Service) -> None:
    head, _, body = raw(service, "HEAD", "/health").partition(b"\r\n\r\n")
    assert b"content-length: 5" in head.lower()
    assert body == b""


def test_bug_outside_django_is_server_error_with_id(caplog: pytest.LogCaptureFixture) -> None:
    response = call(build_application(BrokenHandler()), "POST", LOGIN)
    body = json.loads(response.body)
    assert (response.status, body["code"]) == (500, "server_error")
    assert body["request_id"] == dict(response.headers)["X-Request-ID"]
    assert b"secret" not in response.body
    assert "a secret of the inside" in caplog.text


def test_body_never_sent_times_out_with_400(api: Api) -> None:
    application = build_application(body_timeout_seconds=0.01)
    headers = [("content-type", "application/json"), ("content-length", "10")]
    response = call(application, "POST", LOGIN, *headers)
    assert (response.status, json.loads(response.body)["code"]) == (400, "parse_error")


def test_late_body_read_on_the_server_thread_is_400(api: Api) -> None:
    application, protocol = build_application(body_timeout_seconds=0.0), RSGIProtocol()

    async def receive_body() -> None:
        assert receive(application, protocol, "POST", REFRESH, *JSON_BODY)
        application.__rsgi_init__(asyncio.get_running_loop())
        await asyncio.sleep(0)  # The body's future calls back.

    asyncio.run(receive_body())
    assert protocol.response.status == 400
    assert json.loads(protocol.response.body)["code"] == "parse_error"


def test_body_that_is_not_late_is_waited_for(api: Api) -> None:
    application, protocol = build_application(), RSGIProtocol()

    async def receive_body() -> None:
        assert receive(application, protocol, "POST", REFRESH, *JSON_BODY)
        application.__rsgi_init__(asyncio.get_running_loop())
        await asyncio.sleep(0)

    asyncio.run(receive_body())
    assert not hasattr(protocol, "response")


def test_request_that_cannot_block_is_answered_where_it_is_received(api: Api) -> None:
    protocol = RSGIProtocol()
    assert receive(build_application(), protocol, "GET", "/health")
    assert protocol.response.status == 200


def test_request_with_body_is_answered_once_the_body_is_there(api: Api) -> None:
    application, protocol = build_application(), RSGIProtocol(b"{}")

    async def receive_body() -> None:
        assert receive(application, protocol, "POST", REFRESH, *JSON_BODY)
        assert not hasattr(protocol, "response")
        await asyncio.sleep(0)  # The body's future calls back.

    asyncio.run(receive_body())
    assert protocol.response.status == 422


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", LOGIN, []),
        ("GET", "/metrics", []),
        ("PATCH", PROFILE, []),
        ("POST", REFRESH, [("transfer-encoding", "chunked")]),
    ],
    ids=["hashes", "monitoring", "changes", "chunked"],
)
def test_request_that_may_block_is_left_to_the_event_loop(
    api: Api, method: str, path: str, headers: list[tuple[str, str]]
) -> None:
    protocol = RSGIProtocol()
    assert not receive(build_application(), protocol, method, path, *headers)
    assert not hasattr(protocol, "response")


def test_request_to_a_remote_store_is_left_to_the_event_loop(
    start: Start, clock: MovableClock
) -> None:
    start().accounts.store = RemoteStore(clock)
    assert not receive(build_application(), RSGIProtocol(), "GET", "/health")


def test_while_the_event_loop_has_a_request_it_answers_all(api: Api) -> None:
    application, waiting = build_application(), RSGIProtocol()
    assert not receive(application, waiting, "GET", "/metrics")
    assert not receive(application, RSGIProtocol(), "GET", "/health")
    asyncio.run(send(application, waiting, "GET", "/metrics"))
    assert receive(application, RSGIProtocol(), "GET", "/health")


def test_while_a_body_is_awaited_on_the_event_loop_it_answers_all(api: Api) -> None:
    application, slow = build_application(), RSGIProtocol()

    async def wait_for_a_body() -> bool:
        login = asyncio.create_task(send(application, slow, "POST", LOGIN, *JSON_BODY))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        taken = receive(application, RSGIProtocol(), "GET", "/health")
        login.cancel()
        return taken

    assert not asyncio.run(wait_for_a_body())


class ExitingHandler(BrokenHandler):
    error = SystemExit


@pytest.mark.parametrize("handler", [BrokenHandler, ExitingHandler])
def test_bug_outside_django_where_it_is_received_is_server_error(
    api: Api, handler: type[BrokenHandler]
) -> None:
    protocol = RSGIProtocol()
    assert receive(build_application(handler()), protocol, "GET", "/health")
    assert json.loads(protocol.response.body)["code"] == "server_error"


class RefusingProtocol(RSGIProtocol):
    """As Granian does with a header that is no text: it refuses the first response."""

    refuses = True

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if self.refuses:
            self.refuses = False
            raise TypeError("a header is no text")
        super().response_bytes(status, headers, body)


def test_response_that_the_server_refuses_is_server_error_and_runs_once(api: Api) -> None:
    protocol = RefusingProtocol()
    assert receive(build_application(), protocol, "GET", "/health")
    assert json.loads(protocol.response.body)["code"] == "server_error"


class BrokenScope(RSGIScope):
    error: type[BaseException] = RuntimeError

    def __init__(self) -> None:
        """Set nothing: `path` would be set, too."""

    @property
    def path(self) -> str:  # type: ignore[override]  # an attribute of the others
        raise self.error("a bug of the server")


class ExitingScope(BrokenScope):
    error = SystemExit


def test_exit_before_the_application_knows_the_path_is_left_to_the_event_loop() -> None:
    assert not build_application().receive(cast(Any, ExitingScope()), cast(Any, RSGIProtocol()))


def test_bug_of_the_server_is_answered_by_the_event_loop(api: Api) -> None:
    scope: Any = BrokenScope()
    application, protocol = build_application(), RSGIProtocol()
    assert not application.receive(scope, cast(Any, protocol))
    asyncio.run(application.__rsgi__(scope, cast(Any, protocol)))
    assert json.loads(protocol.response.body)["code"] == "server_error"


class CookieHandler(Handler):
    def get_response(self, request: HttpRequest) -> HttpResponse:
        response = HttpResponse()
        response.set_cookie("flavor", "oatmeal")
        return response


def test_response_cookies_are_sent() -> None:
    headers = call(build_application(CookieHandler()), "GET", "/").headers
    assert ("Set-Cookie", "flavor=oatmeal; Path=/") in [(n, v.strip()) for n, v in headers]


ALL_THREADS = (Execution.THREAD, Execution.PASSWORD_THREAD)


@pytest.mark.parametrize(
    ("threads", "path"),
    [(Execution.PASSWORD_THREAD, LOGIN), (Execution.THREAD, "/api/v1/auth/unknown")],
)
def test_request_without_free_thread_is_503(api: Api, threads: Execution, path: str) -> None:
    response = call(build_overloaded_application(threads), "POST", path)
    assert (response.status, json.loads(response.body)) == (
        503,
        {"detail": "Too many requests are waiting.", "code": "overloaded"},
    )
    assert dict(response.headers)["Retry-After"] == "2"


def test_draining_application_is_not_ready_and_closes(api: Api) -> None:
    application = build_application()
    application.start_draining()
    response = call(application, "GET", "/health/ready")
    assert (response.status, json.loads(response.body)["code"]) == (503, "overloaded")
    assert {"Retry-After", "Connection"} <= dict(response.headers).keys()
    assert call(application, "GET", "/health").status == 200


def test_closing_application_is_ready(api: Api) -> None:
    application = build_application()
    application.close_connections()
    response = call(application, "GET", "/health/ready")
    assert response.status == 200
    assert ("Connection", "close") in response.headers


def test_logins_that_wait_delay_no_other_request(api: Api) -> None:
    application = build_overloaded_application(Execution.PASSWORD_THREAD)
    assert call(application, "POST", "/api/v1/auth/unknown").status == 404


def test_overloaded_server_still_answers_metrics(api: Api) -> None:
    assert call(build_overloaded_application(*ALL_THREADS), "GET", "/metrics").status == 200


def test_monitoring_threads_have_a_bound_too(api: Api) -> None:
    application = build_overloaded_application(Execution.MONITORING_THREAD)
    response = call(application, "GET", "/metrics")
    assert (response.status, json.loads(response.body)["code"]) == (503, "overloaded")


def test_storm_of_cheap_registrations_is_accepted(api: Api, start: Start) -> None:
    executor = HashingExecutor(clock=lambda: 0.0)  # by which each hash takes no time
    start().accounts.hasher = BcryptHasher(rounds=4, executor=executor)
    application = build_application(threads=THREADS, max_wait_seconds=60.0)
    emails = [f"user{number}@example.com" for number in range(200)]
    assert {response.status for response in register_together(application, emails)} == {201}


def test_storm_beyond_the_hashing_bound_is_503(api: Api, start: Start) -> None:
    start().accounts.hasher = BcryptHasher(rounds=4, executor=build_full_executor())
    application = build_application(threads=THREADS)
    [response] = register_together(application, [EMAIL])
    assert (response.status, json.loads(response.body)["code"]) == (503, "overloaded")


class RemoteStore(MemoryStore):
    """Records which thread called it."""

    blocking_reads = blocking_writes = True

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self.callers: list[threading.Thread] = []

    def get_user_and_session(self, email: EmailAddress, sid: str) -> UserAndSession:
        self.callers.append(threading.current_thread())
        return super().get_user_and_session(email, sid)


HTML = ("accept", "text/html")
COOKIE = ("cookie", f"{ACCESS_COOKIE}=some")


@pytest.mark.urls("tests.support.custom_views")
@pytest.mark.parametrize("path", [PROFILE, "/quick"])
def test_cookie_login_reads_the_store_on_a_thread(
    api: Api, start: Start, clock: MovableClock, path: str
) -> None:
    store = start().accounts.store = RemoteStore(clock)
    token = api.register_and_log_in()["access_token"]
    cookie = ("cookie", f"{ACCESS_COOKIE}={token}")
    assert call(build_application(), "GET", path, HTML, cookie).status == 200
    assert store.callers
    assert threading.current_thread() not in store.callers


@pytest.mark.urls("tests.support.custom_views")
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/quick", [HTML], 200), ("/quick-json", [COOKIE], 200), ("/quick", [HTML, COOKIE], 503)],
)
def test_view_without_store_needs_a_thread_for_cookie_pages(
    start: Start, clock: MovableClock, path: str, headers: list[tuple[str, str]], status: int
) -> None:
    start().accounts.store = RemoteStore(clock)
    assert call(build_overloaded_application(*ALL_THREADS), "GET", path, *headers).status == status


@pytest.mark.urls("tests.support.custom_views")
def test_browsable_api_disabled_cookie_needs_no_thread(
    start: Start, clock: MovableClock, settings: Settings
) -> None:
    settings.BROWSABLE_API = False
    start().accounts.store = RemoteStore(clock)
    assert (
        call(build_overloaded_application(*ALL_THREADS), "GET", "/quick", HTML, COOKIE).status
        == 200
    )


@pytest.mark.parametrize("method", ["PATCH", "patch"])
def test_changing_method_in_any_case_needs_a_thread(api: Api, method: str) -> None:
    response = call(build_overloaded_application(Execution.THREAD), method, PROFILE)
    assert response.status == 503


@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("GET", PROFILE, "access_token", 200),
        ("GET", PROFILE, "refresh_token", 401),
        ("DELETE", PROFILE, "access_token", 405),
        ("GET", "/health", None, 200),
        ("POST", "/api/v1/auth/refresh", "refresh_token", 200),
        ("POST", "/api/v1/auth/refresh", "access_token", 401),
    ],
)
@pytest.mark.parametrize("offered", [True, False], ids=["received", "event loop"])
def test_request_leaves_no_garbage(
    api: Api, method: str, path: str, kind: str | None, *, status: int, offered: bool
) -> None:
    token = api.register_and_log_in()[kind] if kind else ""
    body = json.dumps({"refresh_token": token}).encode()
    headers = [("authorization", f"Bearer {token}")]
    if method == "POST":
        headers = [("content-type", JSON), ("content-length", str(len(body)))]
    application = build_application()

    async def request() -> int:
        protocol = RSGIProtocol(body)
        if not (offered and receive(application, protocol, method, path, *headers)):
            await send(application, protocol, method, path, *headers)
        await asyncio.sleep(0)  # The body's future calls back.
        return protocol.response.status

    async def count_garbage() -> int:
        for _ in range(2):  # The first request fills caches.
            gc.collect()
            assert await request() == status
        return gc.collect()

    gc.disable()
    try:
        assert asyncio.run(count_garbage()) == 0
    finally:
        gc.enable()


TOO_MANY_REQUESTS = 10 * THREADS
"""Each blocks a thread until the store's timeout of a second, so the last would wait nine.

Three are enough: the others are for a machine that lets the test wait while it sends them."""


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def valkey_service(tmp_path: Path, valkey: Server) -> Iterator[Service]:
    with run_service(tmp_path, STORE_URL=f"valkey://127.0.0.1:{valkey.port}") as service:
        yield service


def test_metrics_report_stalled_store_under_load(valkey_service: Service, valkey: Server) -> None:
    valkey.pause()
    with ExitStack() as stack:
        for _ in range(TOO_MANY_REQUESTS):
            connection = valkey_service.connect()
            stack.callback(connection.close)
            body = json.dumps({"email": EMAIL, "password": PASSWORD})
            connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": JSON})
        wait_until(lambda: "overloaded" in valkey_service.log)
        scraped = valkey_service.request("GET", "/metrics")
        assert scraped.status == 200
        assert read(scraped.body.decode())["auth_store_up", frozenset()] == 0
