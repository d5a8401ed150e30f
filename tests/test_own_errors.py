"""The one error shape, for whatever a project's own endpoint raises."""

from typing import Any

import pytest

from tests.http_support import problem
from tests.support import JSON, Api, codes

pytestmark = pytest.mark.urls("tests.own_urls")


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
