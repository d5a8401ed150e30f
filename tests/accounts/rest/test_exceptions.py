"""The error table: what is wrong with a body, and how the answer says so."""

import json
from typing import Any

import pytest

from tests.support.api import EMAIL, PASSWORD, Api, codes
from tests.support.http import BODIES, FIELDS, Start, problem, send

NOT_STRINGS = [123, 1.5, 0, True, False, [], ["user@example.com"], {}, {"a": "b"}, 10**40]
NO_OBJECTS = [[], [{}], "text", "", 0, 1.5, True, False]


def post(api: Api, path: str, body: Any) -> Any:
    """Post with a token where one is needed."""
    token = api.enter()["access_token"] if path == "auth/password" else None
    return api.post(path, body, token=token)


@pytest.mark.parametrize("value", NOT_STRINGS, ids=str)
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_what_is_no_string_is_never_made_one(
    api: Api, path: str, field: str, value: object
) -> None:
    response = post(api, path, {**BODIES[path], field: value})
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {field: ["wrong_type"]}


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_null_is_no_string(api: Api, path: str, field: str) -> None:
    response = post(api, path, {**BODIES[path], field: None})
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {field: ["null"]}


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_a_missing_field_is_required(api: Api, path: str, field: str) -> None:
    body = {name: value for name, value in BODIES[path].items() if name != field}
    response = post(api, path, body)
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {field: ["required"]}


@pytest.mark.parametrize("path", BODIES)
def test_every_missing_field_is_listed(api: Api, path: str) -> None:
    response = post(api, path, {})
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {field: ["required"] for field in BODIES[path]}


@pytest.mark.parametrize("body", NO_OBJECTS, ids=json.dumps)
@pytest.mark.parametrize("path", BODIES)
def test_a_body_must_be_an_object(api: Api, path: str, body: object) -> None:
    response = post(api, path, json.dumps(body))
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {"non_field_errors": ["wrong_type"]}


@pytest.mark.parametrize("path", BODIES)
def test_null_is_no_object(api: Api, path: str) -> None:
    response = post(api, path, "null")
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {"non_field_errors": ["null"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [("auth/login", 200), ("auth/refresh", 401), ("auth/logout", 204), ("auth/password", 200)],
)
def test_unknown_fields_are_ignored(api: Api, path: str, status: int) -> None:
    token = api.enter()["access_token"]
    body = {**BODIES[path], "is_admin": True, "": None}
    assert api.post(path, body, token=token).status_code == status


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {"email": "no address", "password": 123},
            {"email": ["invalid_email"], "password": ["wrong_type"]},
        ),
        (
            {"email": None, "password": "short"},
            {"email": ["null"], "password": ["password_too_short"]},
        ),
        ({"password": "x" * 1025}, {"email": ["required"], "password": ["password_too_long"]}),
        ({"password": ""}, {"email": ["required"], "password": ["password_too_short"]}),
        ({"email": ""}, {"email": ["invalid_email"], "password": ["required"]}),
        ({"email": [], "password": {}}, {"email": ["wrong_type"], "password": ["wrong_type"]}),
    ],
)
def test_a_wrong_shape_wins_and_every_fault_is_listed(
    api: Api, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    response = api.post("auth/register", body)
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == errors


def test_a_new_password_at_fault_is_listed_beside_a_missing_one(api: Api) -> None:
    response = post(api, "auth/password", {"new_password": "short"})
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {
        "current_password": ["required"],
        "new_password": ["password_too_short"],
    }


@pytest.mark.parametrize(
    ("email", "password", "errors"),
    [
        ("no address", PASSWORD, {"email": ["invalid_email"]}),
        ("", PASSWORD, {"email": ["invalid_email"]}),
        (" ", PASSWORD, {"email": ["invalid_email"]}),
        (EMAIL, "", {"password": ["password_too_short"]}),
        (EMAIL, "7 chars", {"password": ["password_too_short"]}),
        (EMAIL, "x" * 1025, {"password": ["password_too_long"]}),
        (EMAIL, "long enough\0", {"password": ["password_invalid_characters"]}),
        ("a@b@c", "x", {"email": ["invalid_email"], "password": ["password_too_short"]}),
    ],
)
def test_unacceptable_values_are_400(
    api: Api, email: str, password: str, errors: dict[str, list[str]]
) -> None:
    response = api.register(email, password)
    assert problem(response) == (400, "invalid")
    assert codes(response) == errors


@pytest.mark.parametrize("email", ["", "no address", "a@b@c", "x" * 400 + "@example.com"])
def test_what_is_no_address_cannot_log_in_either(api: Api, email: str) -> None:
    response = api.login(email)
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"email": ["invalid_email"]}


@pytest.mark.parametrize("password", ["", "short", "x" * 1025, "\0" * 8])
def test_at_login_a_password_out_of_bounds_is_just_wrong(api: Api, password: str) -> None:
    api.register()
    assert problem(api.login(password=password)) == (401, "invalid_credentials")


def test_a_second_account_for_an_address_is_refused(api: Api) -> None:
    api.register()
    response = api.register()
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"email": ["duplicate_email"]}


@pytest.mark.parametrize(
    ("password", "status", "code"), [("short", 400, "password_too_short"), (5, 422, "wrong_type")]
)
def test_a_duplicate_is_listed_with_the_other_faults(
    api: Api, password: object, status: int, code: str
) -> None:
    api.register()
    response = api.register(password=password)
    assert response.status_code == status
    assert codes(response) == {"email": ["duplicate_email"], "password": [code]}


def test_passwords_of_8_and_of_1024_characters_are_accepted(api: Api) -> None:
    for email, password in (
        ("a@example.com", "\u00fc" * 8),
        ("b@example.com", "\U0001f40e" * 1024),
    ):
        assert api.register(email, password).status_code == 201
        assert api.login(email, password).status_code == 200


def test_a_common_password_is_refused_where_the_setting_says_so(start: Start) -> None:
    start(REJECT_COMMON_PASSWORDS=True)
    response = Api().register(password="password123")
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"password": ["password_too_common"]}


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\0"])
def test_a_refresh_token_that_is_none_is_invalid(api: Api, token: str) -> None:
    assert problem(api.refresh(token)) == (401, "token_invalid")


def test_a_path_that_leads_nowhere_is_not_found(api: Api) -> None:
    assert problem(api.client.get("/nowhere")) == (404, "not_found")


def test_a_method_that_no_endpoint_knows_is_not_allowed(api: Api) -> None:
    response = send(api, "/api/v1/auth/login", b"{}", method="BREW")
    assert problem(response) == (405, "method_not_allowed")


@pytest.mark.parametrize("accept", ["image/png", "application/xml", "text/html", "text/plain"])
def test_health_speaks_json_alone(api: Api, accept: str) -> None:
    response = api.client.get("/health", headers={"Accept": accept})
    assert problem(response) == (406, "not_acceptable")


def test_a_response_that_nobody_wants_changes_nothing(api: Api) -> None:
    body = json.dumps(BODIES["auth/register"]).encode()
    response = send(api, "/api/v1/auth/register", body, headers={"Accept": "image/png"})
    assert problem(response) == (406, "not_acceptable")
    assert api.register().status_code == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "json", "text/json"])
def test_a_media_type_that_is_no_json_is_refused(api: Api, media_type: str) -> None:
    body = json.dumps(BODIES["auth/register"]).encode()
    response = send(api, "/api/v1/auth/register", body, media_type)
    assert problem(response) == (415, "unsupported_media_type")


@pytest.mark.urls("tests.support.views_forbidden")
def test_a_view_of_your_own_that_forbids_has_the_one_shape(api: Api) -> None:
    assert problem(api.client.get("/forbidden")) == (403, "permission_denied")
