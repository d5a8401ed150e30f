"""The one error shape, for whatever a project's own endpoint raises."""

from typing import Any

import pytest

from tests.support.api import JSON, Api, codes
from tests.support.http import problem

pytestmark = pytest.mark.urls("tests.support.custom_views")


def post(api: Api, path: str, body: Any = None) -> Any:
    return api.client.post(path, body or {}, content_type=JSON)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"tags": [1, "x"]}, {"tags.1": ["invalid"]}),
        ({"tags": "x"}, {"tags": ["not_a_list"]}),
        ({"address": {"street": "too long"}}, {"address.street": ["max_length"]}),
        ({"address": "x"}, {"address.non_field_errors": ["invalid"]}),
        (
            {"others": [{"street": "x"}, {"street": "too long"}]},
            {"others.1.street": ["max_length"]},
        ),
        ({"name": "too long", "tags": ["x"]}, {"name": ["max_length"], "tags.0": ["invalid"]}),
    ],
)
def test_what_is_nested_is_named_by_the_way_to_it(
    api: Api, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    response = post(api, "/notes", {"name": "x", **body})
    assert problem(response) == (400, "invalid")
    assert codes(response) == errors


def test_a_nested_field_that_is_missing_is_422(api: Api) -> None:
    response = post(api, "/notes", {"name": "x", "address": {}})
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {"address.street": ["required"]}


def test_items_of_a_list_are_numbered(api: Api) -> None:
    response = post(api, "/many", [{"name": "x"}, {"name": "too long"}])
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"1.name": ["max_length"]}


def test_a_text_is_about_no_field(api: Api) -> None:
    response = post(api, "/text")
    assert problem(response) == (400, "invalid")
    entry = {"detail": "It cannot be.", "code": "impossible"}
    assert response.json()["errors"] == {"non_field_errors": [entry]}


def test_an_error_without_a_code_is_invalid(api: Api) -> None:
    assert codes(post(api, "/nameless-code")) == {"non_field_errors": ["invalid"]}


def test_a_throttled_client_is_told_when_to_come_back(api: Api) -> None:
    response = post(api, "/throttled")
    assert problem(response) == (429, "throttled")
    assert response["Retry-After"] == "3"
    assert "Retry-After" not in post(api, "/for-ever")


@pytest.mark.parametrize(
    ("path", "code", "challenge"),
    [
        ("/failed", "authentication_failed", 'Bearer realm="api"'),
        ("/unwelcome", "unwelcome", 'Bearer realm="api"'),
        ("/basic", "not_authenticated", 'Basic realm="notes"'),
    ],
)
def test_a_401_has_the_challenge_of_its_view(
    api: Api, path: str, code: str, challenge: str
) -> None:
    response = post(api, path)
    assert problem(response) == (401, code)
    assert response["WWW-Authenticate"] == challenge


@pytest.mark.parametrize(
    ("path", "status", "code", "text"),
    [
        ("/conflict", 409, "conflict", "taken"),
        ("/forbidden", 403, "permission_denied", "Not yours."),
    ],
)
def test_details_by_field_are_errors_by_field(
    api: Api, path: str, status: int, code: str, text: str
) -> None:
    response = post(api, path)
    assert problem(response) == (status, code)
    assert response.json()["errors"] == {"name": [{"detail": text, "code": code}]}


def test_an_exception_without_a_code_has_its_classes(api: Api) -> None:
    assert problem(post(api, "/teapot")) == (500, "error")
