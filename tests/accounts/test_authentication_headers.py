"""Headers that no honest client sends."""

import pytest

from tests.support.api import JSON, Api
from tests.support.http import FORM, problem, send

GOOD_FORM = b"email=user%40example.com&password=long%20enough"
PROFILE = "/api/v1/protected/profile"
MISSING = (401, "not_authenticated")


@pytest.mark.parametrize(
    "accept",
    [
        "/",
        "*",
        "application",
        "json",
        "\xff/\xfe",
        "a" * 20_000,
        "a/b," * 5000,
        "application/json; x*=bogus''%41",
        "image/*",
        ",",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_an_odd_accept_is_not_acceptable(api: Api, accept: str) -> None:
    response = api.client.get("/api/v1/", headers={"Accept": accept})
    assert problem(response) == (406, "not_acceptable")


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/*",
        "application/json;q=nan",
        "application/json; indent=x",
        f"application/json; indent={'9' * 5000}, */*",
        "a/b, application/json",
        "*/*; charset=rot13",
        ",,,*/*",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_an_odd_accept_that_allows_json_gets_it(api: Api, accept: str) -> None:
    response = api.client.get("/api/v1/", headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == JSON


@pytest.mark.parametrize("name", ["json", ""])
def test_json_may_be_asked_for_in_the_query(api: Api, name: str) -> None:
    response = api.client.get(f"{PROFILE}?format={name}")
    assert problem(response) == MISSING


@pytest.mark.parametrize(
    "name", ["xml", "JSON", "%00", "%ff", "..%2f..%2fetc", "a" * 9000, "%F0%9F"]
)
def test_an_unknown_format_is_not_found(api: Api, name: str) -> None:
    assert problem(api.client.get(f"{PROFILE}?format={name}")) == (404, "not_found")


@pytest.mark.parametrize(
    "query", ["%", "%%%", "&&&", "=", "a", "\xff", "%ff=%ff", "a[]=1", "?" * 99]
)
def test_an_odd_query_is_ignored(api: Api, query: str) -> None:
    response = api.client.generic("GET", "/health", QUERY_STRING=query)
    assert response.status_code == 200


def test_2_000_parameters_in_a_query_are_too_many(api: Api) -> None:
    response = api.client.generic("GET", "/health", QUERY_STRING="a&" * 2000)
    assert problem(response) == (400, "parse_error")


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host", "X-HTTP-Method-Override", "X-Original-URL", "X-Forwarded-Proto"]
)
def test_headers_that_other_services_trust_change_nothing(api: Api, name: str) -> None:
    response = api.client.get("/api/v1/", headers={name: "DELETE"})
    assert response.status_code == 200
    assert "DELETE" not in response.content.decode()


def test_the_method_is_not_overridden_by_a_form(api: Api) -> None:
    body = b"_method=DELETE&_content=x&_content_type=text/plain&" + GOOD_FORM
    assert send(api, "/api/v1/auth/register", body, FORM).status_code == 201


@pytest.mark.parametrize("origin", ["http://[", "null", "\xff", "a" * 9000, "://", "http://a:b:c"])
def test_an_odd_origin_is_no_bug(api: Api, origin: str) -> None:
    response = api.client.get(PROFILE, headers={"Origin": origin})
    assert problem(response) == MISSING


@pytest.mark.parametrize("cookie", ["=", ";;;", "\xff", "a" * 9000, "sessionid=x; csrftoken=y"])
def test_cookies_are_ignored(api: Api, cookie: str) -> None:
    assert problem(api.client.get(PROFILE, headers={"Cookie": cookie})) == MISSING
