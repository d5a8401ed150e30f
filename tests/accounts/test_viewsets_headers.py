"""Unusual headers and query strings, over HTTP."""

import pytest

from tests.support.api import JSON, Api
from tests.support.http import get_error

PROFILE = "/api/v1/protected/profile"
MISSING = (401, "not_authenticated")


def short_id(text: str) -> str:
    return ascii(text)[:30]


@pytest.mark.parametrize(
    "accept",
    ["/", "*", "json", "\xff/\xfe", "a" * 20_000, "a/b," * 5000, "image/*"],
    ids=short_id,
)
def test_accept_without_json_is_not_acceptable(api: Api, accept: str) -> None:
    response = api.client.get("/api/v1/", headers={"Accept": accept})
    assert get_error(response) == (406, "not_acceptable")


@pytest.mark.parametrize(
    "accept",
    [
        "application/*",
        "application/json;q=nan",
        "application/json; indent=x",
        f"application/json; indent={'9' * 5000}, */*",
        "a/b, application/json",
        "*/*; charset=rot13",
        ",,,*/*",
    ],
    ids=short_id,
)
def test_accept_with_json_gets_json(api: Api, accept: str) -> None:
    response = api.client.get("/api/v1/", headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == JSON


@pytest.mark.parametrize("name", ["json", ""])
def test_known_format_in_query_is_accepted(api: Api, name: str) -> None:
    assert get_error(api.client.get(f"{PROFILE}?format={name}")) == MISSING


@pytest.mark.parametrize("name", ["xml", "JSON", "%00", "%ff", "..%2fetc", "a" * 9000])
def test_unknown_format_in_query_is_not_found(api: Api, name: str) -> None:
    assert get_error(api.client.get(f"{PROFILE}?format={name}")) == (404, "not_found")


@pytest.mark.parametrize("query", ["%", "&&&", "=", "\xff", "%ff=%ff", "a[]=1", "?" * 99])
def test_malformed_query_is_ignored(api: Api, query: str) -> None:
    response = api.client.generic("GET", "/health", QUERY_STRING=query)
    assert response.status_code == 200


def test_query_with_2000_parameters_is_a_parse_error(api: Api) -> None:
    response = api.client.generic("GET", "/health", QUERY_STRING="a&" * 2000)
    assert get_error(response) == (400, "parse_error")


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host", "X-HTTP-Method-Override", "X-Original-URL", "X-Forwarded-Proto"]
)
def test_override_header_has_no_effect(api: Api, name: str) -> None:
    response = api.client.get("/api/v1/", headers={name: "DELETE"})
    assert response.status_code == 200
    assert "DELETE" not in response.content.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "http://["),
        ("Origin", "null"),
        ("Origin", "\xff"),
        ("Origin", "http://a:b:c"),
        ("Cookie", ";;;"),
        ("Cookie", "\xff"),
        ("Cookie", "sessionid=x; csrftoken=y"),
    ],
)
def test_odd_origin_or_cookie_is_ignored(api: Api, name: str, value: str) -> None:
    assert get_error(api.client.get(PROFILE, headers={name: value})) == MISSING
