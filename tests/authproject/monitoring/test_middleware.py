"""Headers that every response has."""

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import (
    ENDPOINTS,
    LIMIT,
    BuggyStore,
    Start,
    UnreachableStore,
    forge,
    get_error,
    send,
)

LOGIN = "/api/v1/auth/login"
PROFILE = "/api/v1/protected/profile"
STYLE_SHEET = "/static/rest_framework/css/default.css"

Request = Callable[[Api], Any]

REQUESTS: dict[str, tuple[int, Request]] = {
    "200": (200, lambda api: api.profile(api.register_and_log_in()["access_token"])),
    "201": (201, lambda api: api.register()),
    "204": (204, lambda api: api.logout("no token")),
    "400 invalid": (400, lambda api: api.register("no address")),
    "400 parse_error": (400, lambda api: send(api, LOGIN, b"{")),
    "400 invalid_host": (400, lambda api: send(api, LOGIN, headers={"Host": "evil.example"})),
    "401 no credentials": (401, lambda api: api.profile(None)),
    "401 bad token": (401, lambda api: api.profile("bad")),
    "401 wrong password": (401, lambda api: api.login()),
    "404": (404, lambda api: send(api, "/api/v1/auth/nowhere")),
    "405": (405, lambda api: send(api, LOGIN, method="PATCH")),
    "406": (406, lambda api: send(api, LOGIN, b"{}", headers={"Accept": "image/png"})),
    "413": (413, lambda api: send(api, LOGIN, b" " * (LIMIT + 1))),
    "415": (415, lambda api: send(api, LOGIN, b"{}", "text/plain")),
    "422": (422, lambda api: send(api, LOGIN, b"[]")),
    "HEAD": (401, lambda api: send(api, PROFILE, method="HEAD")),
    "OPTIONS": (200, lambda api: send(api, LOGIN, method="OPTIONS")),
    "HTML": (401, lambda api: send(api, PROFILE, method="GET", headers={"Accept": "text/html"})),
    "preflight": (
        200,
        lambda api: send(
            api,
            LOGIN,
            method="OPTIONS",
            headers={
                "Origin": "http://localhost:3000",
                "Access-Control-Request-Method": "POST",
            },
        ),
    ),
}

every_response = pytest.mark.parametrize(
    ("status", "request_"), REQUESTS.values(), ids=list(REQUESTS)
)


@pytest.fixture(params=["bug", "no store"])
def failure(request: pytest.FixtureRequest, start: Start, clock: MovableClock) -> Any:
    """A response with 500 or 503."""
    store = BuggyStore(clock) if request.param == "bug" else UnreachableStore(clock)
    start().accounts.store = store
    return Api().login()


@every_response
def test_every_response_has_a_request_id(api: Api, status: int, request_: Request) -> None:
    response = request_(api)
    assert response.status_code == status
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", response["X-Request-ID"])


@every_response
def test_every_response_has_nosniff(api: Api, status: int, request_: Request) -> None:
    assert request_(api)["X-Content-Type-Options"] == "nosniff"


@every_response
def test_private_response_has_no_store(api: Api, status: int, request_: Request) -> None:
    assert request_(api)["Cache-Control"] == "no-store"


def test_error_response_has_security_headers(failure: Any) -> None:
    assert failure.status_code >= 500
    assert failure["X-Request-ID"]
    assert failure["X-Content-Type-Options"] == "nosniff"
    assert failure["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["testserver", "evil.example"])
def test_static_file_has_nosniff(api: Api, host: str) -> None:
    with closing(api.client.get(STYLE_SHEET, headers={"Host": host})) as response:
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response.status_code == (200 if host == "testserver" else 400)


def test_public_response_may_be_cached(api: Api) -> None:
    assert "Cache-Control" not in api.client.get("/api/v1/")


@pytest.mark.parametrize("name", ["x", "7", "a" * 128, "AZaz09._-", "..", "-"])
def test_valid_request_id_is_kept(api: Api, name: str) -> None:
    assert api.client.get("/health", headers={"X-Request-ID": name})["X-Request-ID"] == name


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a" * 129, "a\n", "a\r\nb", "\0", "\xff", "a,b", "<b>", "a/b", "\u0669"],
)
def test_invalid_request_id_is_replaced(api: Api, name: str) -> None:
    response = api.client.get("/health", headers={"X-Request-ID": name})
    assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-ID"])


def test_new_request_ids_differ(api: Api) -> None:
    assert len({api.client.get("/health")["X-Request-ID"] for _ in range(20)}) == 20


@pytest.mark.parametrize(("path", "method"), ENDPOINTS.items())
def test_other_method_is_405_with_allow(api: Api, path: str, method: str) -> None:
    token = api.register_and_log_in()["access_token"]
    response = send(api, path, b"{}", method="DELETE", token=token)
    assert get_error(response) == (405, "method_not_allowed")
    allowed = set(response["Allow"].split(", "))
    assert allowed - {"OPTIONS"} == ({"POST"} if method == "POST" else {"GET", "HEAD"})


# Each request to /metrics changes the next response.
@pytest.mark.parametrize(
    "path", [path for path in ENDPOINTS if ENDPOINTS[path] == "GET" and path != "/metrics"]
)
def test_head_is_get_without_body(api: Api, path: str) -> None:
    token = api.register_and_log_in()["access_token"]
    head, get = (send(api, path, method=method, token=token) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert get.status_code == 204 or get.content


@pytest.mark.parametrize(("path", "method"), ENDPOINTS.items())
def test_options_has_allow(api: Api, path: str, method: str) -> None:
    response = send(api, path, method="OPTIONS", token=api.register_and_log_in()["access_token"])
    assert response.status_code == 200
    assert method in response["Allow"].split(", ")


@pytest.mark.parametrize(
    "request_",
    [
        lambda api: api.profile(None),
        lambda api: api.post("auth/logout-all"),
        lambda api: api.login("nobody@example.com"),
        lambda api: api.refresh("bad"),
        lambda api: send(api, PROFILE, method="GET", headers={"Authorization": "Basic dTpw"}),
    ],
    ids=["no credentials", "none at logout-all", "failed login", "bad refresh token", "Basic"],
)
def test_401_without_bearer_token_has_realm_only(api: Api, request_: Request) -> None:
    response = request_(api)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("path", [PROFILE, "/api/v1/auth/logout-all", "/api/v1/auth/password"])
@pytest.mark.parametrize("kind", ["garbage", "expired", "revoked"])
def test_401_with_invalid_bearer_token_has_error(api: Api, path: str, kind: str) -> None:
    tokens = api.register_and_log_in()
    access = tokens["access_token"]
    token = {"garbage": "x", "expired": forge(access, exp=1), "revoked": access}[kind]
    api.logout(tokens["refresh_token"])
    response = send(api, path, b"{}", method=ENDPOINTS[path], token=token)
    assert response.status_code == 401
    assert re.fullmatch(
        r'Bearer realm="api", error="invalid_token", error_description="[^"\\]+"',
        response["WWW-Authenticate"],
    )


def test_wrong_email_and_wrong_password_look_the_same(api: Api) -> None:
    api.register()
    answers = [api.login(password=f"{PASSWORD}!"), api.login(f"x{EMAIL}")]
    bodies = {answer.content for answer in answers}
    headers = [{**answer.headers, "X-Request-ID": ""} for answer in answers]
    assert len(bodies) == 1
    assert headers[0] == headers[1]
