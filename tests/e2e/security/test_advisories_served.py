"""Published weaknesses of HTTP servers and parsers, tried against a running service.

Each test is named by an advisory, and sends its attack. That the service stays well is the test;
which version is installed is not.
"""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import JSON, PASSWORD
from tests.support.processes import START_SECONDS, Service, run_service

LOGOUT = "/api/v1/auth/logout"
PROFILE = "/api/v1/protected/profile"
SIZE = 30_000
"""The largest header that the server accepts is not much larger."""
SECONDS = 3.0
"""Far above what a request takes, and far below what an attack of quadratic cost takes."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose process has odd environment variables."""
    environment = {"HTTP_HOST": "https://evil.example", "HTTP_AUTHORIZATION": "Bearer evil"}
    with run_service(tmp_path_factory.mktemp("advisories"), **environment) as service:
        service.register()
        yield service


@pytest.fixture(autouse=True)
def workers(service: Service) -> Iterator[None]:
    """No attack may end a worker process."""
    before = service.workers()
    yield
    assert service.workers() == before
    assert service.request("GET", "/health").status == 200


def send_raw(service: Service, request: bytes) -> bytes:
    """Send bytes on a new connection, and return all that comes back until it is closed."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=START_SECONDS) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def send_headers(service: Service, path: str, *headers: bytes, method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", b"Connection: close"]
    return send_raw(service, b"\r\n".join([*lines, *headers, b"", b""]))


def measure(service: Service, path: str, *headers: bytes, method: str = "GET") -> float:
    """Return the seconds until the response has come."""
    began = time.perf_counter()
    assert send_headers(service, path, *headers, method=method).startswith(b"HTTP/1.1 ")
    return time.perf_counter() - began


@pytest.mark.parametrize("path", ["/", PROFILE, "/browse/login"])
def test_cve_2024_7592_backslashes_in_a_cookie(service: Service, path: str) -> None:
    """Python unescapes a quoted cookie in quadratic time: 30 kB took 6 s.

    https://nvd.nist.gov/vuln/detail/CVE-2024-7592
    """
    cookie = b'Cookie: csrftoken="' + b'\\"' * (SIZE // 2) + b'"'
    assert measure(service, path, cookie, b"Accept: text/html") < SECONDS


@pytest.mark.parametrize(
    "value",
    [
        b"application/json;" + b";" * SIZE,
        b'application/json; x="' + b";" * SIZE,
        b"multipart/form-data;" + b'boundary=";' * (SIZE // 11),
        b'multipart/form-data; boundary="' + b'\\"' * (SIZE // 2) + b'"',
        b"a/b," * (SIZE // 4),
        b"a/b;q=0.1," * (SIZE // 10),
    ],
    ids=["semicolons", "quoted", "boundaries", "escaped", "types", "weights"],
)
@pytest.mark.parametrize("name", [b"Content-Type", b"Accept"])
def test_cve_2026_84429_header_of_many_separators(
    service: Service, name: bytes, value: bytes
) -> None:
    """Django parsed the parameters of a header in quadratic time.

    https://www.djangoproject.com/weblog/2026/oct/06/security-releases/
    """
    header = name + b": " + value
    assert measure(service, LOGOUT, header, b"Content-Length: 0", method="POST") < SECONDS
    assert measure(service, "/", header) < SECONDS


@pytest.mark.parametrize("name", [b"Cookie", b"X-Forwarded-For", b"Accept", b"A"])
def test_cve_2025_14550_header_that_comes_many_times(service: Service, name: bytes) -> None:
    """Django's ASGI handler joined repeated headers in quadratic time.

    https://www.djangoproject.com/weblog/2026/feb/03/security-releases/
    """
    assert measure(service, "/", *[name + b": " + b"x" * 300] * 95) < SECONDS
    assert measure(service, "/", *[name + b": x"] * 5000) < SECONDS


def test_cve_2026_3902_header_name_with_underscores(service: Service) -> None:
    """Django's ASGI handler took `X_Forwarded_For` for `X-Forwarded-For`.

    https://www.djangoproject.com/weblog/2026/apr/07/security-releases/
    """
    token = service.login().json()["access_token"].encode()
    for name in (b"HTTP_AUTHORIZATION", b"Authorization_", b"_Authorization", b"AUTHORI_ZATION"):
        answer = send_headers(service, PROFILE, name + b": Bearer " + token)
        assert b"not_authenticated" in answer


def test_cve_2026_42544_websocket_protocol_in_odd_bytes(service: Service) -> None:
    """Granian ended its worker at a `Sec-WebSocket-Protocol` that is not ASCII.

    https://github.com/advisories/GHSA-vrg7-482j-p6f6
    """
    headers = (
        *(b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"),
        *(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Protocol: \x80\xff"),
    )
    assert send_headers(service, "/", *headers).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("value", [b"\x80\xff", b"a\tb", b"a\xc2\x85b", b"\x7f", b"%0d%0aX: y"])
def test_cve_2026_42545_response_header_from_the_request(service: Service, value: bytes) -> None:
    """Granian ended its worker at a response header with characters that no header may have.

    https://github.com/advisories/GHSA-f5p7-9fr5-8jmj
    """
    for name in (b"X-Request-ID", b"Origin", b"Access-Control-Request-Headers", b"Host"):
        answer = send_headers(service, "/api/v1", name + b": " + value, method="OPTIONS")
        assert answer.startswith(b"HTTP/1.1 ")
        assert b"\r\nX: y" not in answer


def test_cve_2026_42545_email_in_a_response_header(service: Service) -> None:
    """The header of `auth/verify` has the e-mail address, which may have any letters.

    https://github.com/advisories/GHSA-f5p7-9fr5-8jmj
    """
    body = {"email": "\u00fc\u4f60%0d%0ax@example.com", "password": PASSWORD}
    assert service.post("auth/register", body).status == 201
    token = service.post("auth/login", body).json()["access_token"]
    answer = service.request("GET", "/api/v1/auth/verify", Authorization=f"Bearer {token}")
    assert answer.status in {200, 204}


def test_granian_878_environment_variable_as_header(service: Service) -> None:
    """Granian's WSGI interface let `HTTP_HOST` of the process replace the header of a request.

    https://github.com/emmett-framework/granian/issues/878
    """
    assert service.request("GET", PROFILE).json()["code"] == "not_authenticated"


SMUGGLED = b"GET /health?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4",
        b"Content-Length: 4\r\nContent-Length: 60",
        b"Content-Length: +4",
        b"Content-Length: 4, 4",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 4",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\x0bchunked",
    ],
    ids=repr,
)
def test_cve_2024_1135_request_smuggling(service: Service, framing: bytes) -> None:
    """Servers that differ about the end of a body take part of it for another request.

    https://nvd.nist.gov/vuln/detail/CVE-2024-1135 (Gunicorn),
    https://nvd.nist.gov/vuln/detail/CVE-2025-43859 (h11)
    """
    head = f"POST {LOGOUT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n".encode()
    body = b"0\r\n\r\n" + SMUGGLED
    answer = send_raw(service, head + b"Connection: close\r\n" + framing + b"\r\n\r\n" + body)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'"status":"ok"' not in answer.replace(b" ", b"")


@pytest.mark.parametrize("size", [b"-1", b"0x1", b"1_0", b"+5", b"ffffffffffffffff1", b"5;\nx"])
def test_cve_2025_43859_malformed_chunk_size(service: Service, size: bytes) -> None:
    """h11 accepted malformed chunks, and so a body with another end.

    https://nvd.nist.gov/vuln/detail/CVE-2025-43859
    """
    chunked = b"Transfer-Encoding: chunked\r\nContent-Type: application/json"
    head = f"POST {LOGOUT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode()
    answer = send_raw(service, head + chunked + b"\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n")
    assert not answer or answer.startswith(b"HTTP/1.1 400 ")


def test_cve_2026_33034_body_longer_than_declared(service: Service) -> None:
    """Django's ASGI handler read bodies without or beyond a `Content-Length` into memory.

    https://www.djangoproject.com/weblog/2026/apr/07/security-releases/
    """
    chunk = b"%x\r\n%s\r\n" % (SIZE, b" " * SIZE)
    head = f"POST {LOGOUT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode()
    chunked = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert send_raw(service, head + chunked + chunk).startswith(b"HTTP/1.1 413 ")


def test_cve_2003_1567_trace_shows_headers(service: Service) -> None:
    """TRACE sends the request back, with headers that a script could not read.

    https://nvd.nist.gov/vuln/detail/CVE-2003-1567
    """
    for method in ("TRACE", "TRACK", "DEBUG"):
        answer = send_headers(service, "/", b"Authorization: Bearer secret", method=method)
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert b"secret" not in answer


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../manage.py", "/static/%2e%2e/%2e%2e/.env", "/static/..%2f..%2f.env"),
        *("/static//etc/passwd", "/static/..%5c..%5c.env", "/static/%00", "/.env", "/.git/HEAD"),
        *("/static/rest_framework/", "/static/", "//etc/passwd", "//evil.example/"),
    ],
)
def test_cve_2017_7234_path_outside_of_static_files(service: Service, path: str) -> None:
    """Servers of static files followed paths to elsewhere, by redirects or directly.

    https://nvd.nist.gov/vuln/detail/CVE-2017-7234 (Django), and Starlette's CVE-2023-29159
    """
    answer = send_headers(service, path)
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))
    assert b"\r\nlocation:" not in answer.lower()


def test_cve_2023_28858_response_of_a_cancelled_request(valkey_url: str, tmp_path: Path) -> None:
    """redis-py gave the response of a cancelled command to the next one: to another user.

    https://nvd.nist.gov/vuln/detail/CVE-2023-28858, and CVE-2023-28859
    """
    emails = [f"user{number}@example.com" for number in range(4)]
    with run_service(tmp_path, STORE_URL=valkey_url) as shared:
        for email in emails:
            shared.register(email)
        tokens = {email: shared.login(email).json()["access_token"] for email in emails}
        for number in range(80):
            victim, other = emails[number % 4], emails[(number + 1) % 4]
            _send_and_leave(shared, tokens[victim])
            assert shared.profile(tokens[other]).json()["email"] == other


def _send_and_leave(service: Service, token: str) -> None:
    """Send a request, and close the connection without waiting for the response."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=START_SECONDS) as connection:
        head = f"GET {PROFILE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}"
        connection.sendall(head.encode() + b"\r\n\r\n")
