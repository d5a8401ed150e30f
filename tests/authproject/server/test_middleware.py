"""Limits on hosts and body sizes, over HTTP."""

import json
from io import BytesIO
from typing import Any

import pytest
from pytest_django import Settings

from tests.support.api import Api
from tests.support.http import BODIES, LIMIT, get_error, send

REGISTER = "/api/v1/auth/register"
GOOD = json.dumps(BODIES["auth/register"]).encode()
TOO_LARGE = (413, "payload_too_large")


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
@pytest.mark.parametrize("host", ["evil.example", "", "a b", "[::1", "10.0.0.1:8000", "\xff"])
def test_health_accepts_any_host(api: Api, path: str, host: str) -> None:
    assert api.client.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/api/v1/auth/login", "/nowhere"])
def test_body_over_limit_is_413_at_any_path(api: Api, path: str) -> None:
    assert get_error(send(api, path, b" " * (LIMIT + 1))) == TOO_LARGE


def test_body_at_limit_is_read(api: Api) -> None:
    body = b'{"email": "user@example.com", "password": "long enough"}'.ljust(LIMIT)
    assert send(api, REGISTER, body).status_code == 201


def test_body_over_limit_is_not_read(api: Api) -> None:
    class Unread:
        def read(self, *size: int) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    unread: dict[str, Any] = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(LIMIT + 1)}
    response = send(api, "/api/v1/auth/login", **unread)
    assert get_error(response) == TOO_LARGE


def test_content_length_beyond_the_body_is_accepted(api: Api) -> None:
    declared: dict[str, Any] = {"wsgi.input": BytesIO(GOOD), "CONTENT_LENGTH": str(len(GOOD) + 9)}
    assert send(api, REGISTER, **declared).status_code == 201


def test_content_length_below_the_body_cuts_it(api: Api) -> None:
    declared: dict[str, Any] = {"wsgi.input": BytesIO(GOOD), "CONTENT_LENGTH": str(len(GOOD) - 9)}
    assert get_error(send(api, REGISTER, **declared)) == (400, "parse_error")


@pytest.mark.parametrize(
    "length",
    [str(LIMIT + 1), f"{LIMIT + 1:030}", "9" * 30, "9" * 5000, "-1", "+5", "1_0", "x", "5.0"],
)
def test_content_length_over_limit_or_malformed_is_413(api: Api, length: str) -> None:
    declared: dict[str, Any] = {
        "wsgi.input": BytesIO(GOOD.ljust(LIMIT + 1)),
        "CONTENT_LENGTH": length,
    }
    response = send(api, REGISTER, **declared)
    assert get_error(response) == TOO_LARGE


def test_content_length_with_leading_zeros_is_accepted(api: Api) -> None:
    response = send(api, REGISTER, GOOD, CONTENT_LENGTH=f"{len(GOOD):040}")
    assert response.status_code == 201


# What is refused is logged, with the setting that would allow it

REFUSED_ORIGIN = "refused the Origin 'http://localhost:1'; CORS_ORIGINS does not list it"
REFUSED_HOST = "refused the Host 'evil.example'; ALLOWED_HOSTS does not list it"


def get_server_log(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "authproject.server"]


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("path", ["/health", "/nowhere", "/api/v1/protected/profile"])
def test_refused_origin_is_logged_once(
    api: Api, caplog: pytest.LogCaptureFixture, path: str, method: str
) -> None:
    headers = {"Origin": "http://localhost:1", "Access-Control-Request-Method": "GET"}
    for _ in range(2):
        api.client.generic(method, path, headers=headers)
    assert get_server_log(caplog) == [REFUSED_ORIGIN]


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://testserver", None])
def test_other_origin_is_not_logged(
    api: Api, caplog: pytest.LogCaptureFixture, origin: str | None
) -> None:
    headers = {"Host": "testserver"} | ({} if origin is None else {"Origin": origin})
    api.client.get("/health", headers=headers)
    assert get_server_log(caplog) == []


def test_refused_origin_is_logged_without_cors_origins(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    cors = "authproject.server.cors.CachedCorsMiddleware"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != cors]
    Api().client.get("/health", headers={"Origin": "http://localhost:1"})
    assert get_server_log(caplog) == [REFUSED_ORIGIN]


def test_refused_host_is_logged_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        api.client.get("/nowhere", headers={"Host": "evil.example"})
    assert get_server_log(caplog) == [REFUSED_HOST]


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_refused_value_cannot_break_or_flood_the_log(
    api: Api, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    value = "http://a\x1b[2J\x7f\u2028" + "a" * 9000
    api.client.get("/", headers={name: value})
    [line] = get_server_log(caplog)
    assert line.isprintable()
    assert len(line) < 200
