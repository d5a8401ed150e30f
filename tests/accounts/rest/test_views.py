"""The order of checks (size, media type, credentials, method, body), and what is ignored."""

import pytest

from tests.support.api import JSON, Api
from tests.support.http import FORM, LIMIT, get_error, send

PROFILE = "/api/v1/protected/profile"
ERRORS = {
    "body size": (413, "payload_too_large"),
    "media type": (415, "unsupported_media_type"),
    "credentials": (401, "not_authenticated"),
    "method": (405, "method_not_allowed"),
    "body": (400, "parse_error"),
}
ORDER = list(ERRORS)
PUBLIC_ORDER = [error for error in ORDER if error != "credentials"]


@pytest.mark.parametrize(
    ("path", "first"),
    [
        *[("auth/password", first) for first in ORDER],
        *[("auth/register", first) for first in PUBLIC_ORDER],
    ],
)
def test_first_error_is_reported(api: Api, path: str, first: str) -> None:
    errors = ORDER[ORDER.index(first) :]
    needs_token = path == "auth/password" and "credentials" not in errors
    response = send(
        api,
        f"/api/v1/{path}",
        b"{" * (LIMIT + 1 if "body size" in errors else 9),
        "text/plain" if "media type" in errors else JSON,
        method="PUT" if "method" in errors else "POST",
        token=api.register_and_log_in()["access_token"] if needs_token else None,
    )
    assert get_error(response) == ERRORS[first]


def test_token_is_checked_before_method(api: Api) -> None:
    response = send(api, "/api/v1/auth/logout-all", method="GET", token="bad")
    assert get_error(response) == (401, "token_invalid")


def test_media_type_is_checked_before_token(api: Api) -> None:
    response = send(api, "/api/v1/auth/password", b"a=1", "text/plain", token="bad")
    assert get_error(response) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/", "/api/v1/", "/health", "/health/ready"])
def test_media_type_is_checked_before_method(api: Api, path: str) -> None:
    response = send(api, path, b"a", "text/plain", method="POST")
    assert get_error(response) == (415, "unsupported_media_type")


# Parts of a request that are ignored


@pytest.mark.parametrize(
    "query", ["%", "%%%", "&&&", "=", "a", "\xff", "%ff=%ff", "a[]=1", "?" * 99]
)
def test_odd_query_is_ignored(api: Api, query: str) -> None:
    response = api.client.generic("GET", "/health", QUERY_STRING=query)
    assert response.status_code == 200


def test_query_of_2000_parameters_is_parse_error(api: Api) -> None:
    response = api.client.generic("GET", "/health", QUERY_STRING="a&" * 2000)
    assert get_error(response) == (400, "parse_error")


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host", "X-HTTP-Method-Override", "X-Original-URL", "X-Forwarded-Proto"]
)
def test_headers_that_override_requests_are_ignored(api: Api, name: str) -> None:
    response = api.client.get("/api/v1/", headers={name: "DELETE"})
    assert response.status_code == 200
    assert "DELETE" not in response.content.decode()


def test_method_in_a_form_is_ignored(api: Api) -> None:
    form = b"email=user%40example.com&password=long%20enough"
    body = b"_method=DELETE&_content=x&_content_type=text/plain&" + form
    page = {"Accept": "text/html"}
    assert send(api, "/api/v1/auth/register", body, FORM, headers=page).status_code == 201


@pytest.mark.parametrize("origin", ["http://[", "null", "\xff", "a" * 9000, "://", "http://a:b:c"])
def test_odd_origin_is_ignored(api: Api, origin: str) -> None:
    response = api.client.get(PROFILE, headers={"Origin": origin})
    assert get_error(response) == ERRORS["credentials"]


@pytest.mark.parametrize("cookie", ["=", ";;;", "\xff", "a" * 9000, "sessionid=x; csrftoken=y"])
def test_unknown_cookies_are_ignored(api: Api, cookie: str) -> None:
    assert get_error(api.client.get(PROFILE, headers={"Cookie": cookie})) == ERRORS["credentials"]
