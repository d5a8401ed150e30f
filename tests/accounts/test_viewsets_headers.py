"""Unusual headers and query strings, over HTTP; for `Accept`, see rest/test_negotiation.py."""

import pytest

from tests.support.api import Api
from tests.support.http import get_error

PROFILE = "/api/v1/protected/profile"
MISSING = (401, "not_authenticated")


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
