"""Bodies of the wrong shape (422) and with invalid values (400): every error is listed."""

import json
from typing import Any

import pytest

from accounts.serializers import TextField
from tests.support.api import EMAIL, PASSWORD, Api, get_field_codes
from tests.support.http import BODIES, FIELDS, LIMIT, WITH_TOKEN, Start, get_error

NOT_STRINGS = [123, 1.5, True, ["user@example.com"], {"a": "b"}, 10**40]
NOT_OBJECTS = [[], [{}], "text", 0, True]
ODD_TEXTS = ["\0", "\ufffe", "\u202e", "\r\nSet-Cookie: a=b", "\x1b[31m"]
UNPROCESSABLE = (422, "unprocessable")
INVALID = (400, "invalid")


def post(api: Api, path: str, body: Any) -> Any:
    """Post with a token if the endpoint needs one."""
    token = api.register_and_log_in()["access_token"] if path in WITH_TOKEN else None
    return api.post(path, body, token=token)


@pytest.mark.parametrize("value", NOT_STRINGS, ids=str)
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_field_that_is_no_string_is_wrong_type(
    api: Api, path: str, field: str, value: object
) -> None:
    response = post(api, path, {**BODIES[path], field: value})
    assert get_error(response) == UNPROCESSABLE
    assert get_field_codes(response) == {field: ["wrong_type"]}


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_field_that_is_null_is_null(api: Api, path: str, field: str) -> None:
    response = post(api, path, {**BODIES[path], field: None})
    assert get_error(response) == UNPROCESSABLE
    assert get_field_codes(response) == {field: ["null"]}


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_missing_field_is_required(api: Api, path: str, field: str) -> None:
    body = {name: value for name, value in BODIES[path].items() if name != field}
    response = post(api, path, body)
    assert get_error(response) == UNPROCESSABLE
    assert get_field_codes(response) == {field: ["required"]}


@pytest.mark.parametrize("path", BODIES)
def test_all_missing_fields_are_listed(api: Api, path: str) -> None:
    response = post(api, path, {})
    assert get_error(response) == UNPROCESSABLE
    assert get_field_codes(response) == {field: ["required"] for field in BODIES[path]}


@pytest.mark.parametrize("body", NOT_OBJECTS, ids=json.dumps)
@pytest.mark.parametrize("path", BODIES)
def test_body_that_is_no_object_is_wrong_type(api: Api, path: str, body: object) -> None:
    response = post(api, path, json.dumps(body))
    assert get_error(response) == UNPROCESSABLE
    assert get_field_codes(response) == {"non_field_errors": ["wrong_type"]}


@pytest.mark.parametrize("path", BODIES)
def test_body_that_is_null_is_null(api: Api, path: str) -> None:
    response = post(api, path, "null")
    assert get_error(response) == UNPROCESSABLE
    assert get_field_codes(response) == {"non_field_errors": ["null"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("auth/login", 200),
        ("auth/refresh", 401),
        ("auth/logout", 204),
        ("auth/password", 200),
        ("auth/delete-account", 204),
    ],
)
def test_unknown_fields_are_ignored(api: Api, path: str, status: int) -> None:
    token = api.register_and_log_in()["access_token"]
    body = {**BODIES[path], "is_admin": True, "": None, **dict.fromkeys(map(str, range(1000)))}
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
def test_wrong_shape_and_invalid_values_are_422(
    api: Api, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    response = api.post("auth/register", body)
    assert get_error(response) == UNPROCESSABLE
    assert get_field_codes(response) == errors


def test_invalid_new_password_and_missing_field_are_422(api: Api) -> None:
    response = post(api, "auth/password", {"new_password": "short"})
    assert get_error(response) == UNPROCESSABLE
    assert get_field_codes(response) == {
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
def test_invalid_values_are_400(
    api: Api, email: str, password: str, errors: dict[str, list[str]]
) -> None:
    response = api.register(email, password)
    assert get_error(response) == INVALID
    assert get_field_codes(response) == errors


@pytest.mark.parametrize("email", ["", "no address", "a@b@c", "x" * 400 + "@example.com"])
def test_login_with_invalid_email_is_400(api: Api, email: str) -> None:
    response = api.login(email)
    assert get_error(response) == INVALID
    assert get_field_codes(response) == {"email": ["invalid_email"]}


@pytest.mark.parametrize("password", ["", "short", "x" * 1025, "\0" * 8])
def test_login_password_of_invalid_length_is_401(api: Api, password: str) -> None:
    api.register()
    assert get_error(api.login(password=password)) == (401, "invalid_credentials")


def test_second_account_for_an_email_is_duplicate(api: Api) -> None:
    api.register()
    response = api.register()
    assert get_error(response) == INVALID
    assert get_field_codes(response) == {"email": ["duplicate_email"]}


@pytest.mark.parametrize(
    ("password", "status", "code"), [("short", 400, "password_too_short"), (5, 422, "wrong_type")]
)
def test_duplicate_email_is_listed_with_other_errors(
    api: Api, password: object, status: int, code: str
) -> None:
    api.register()
    response = api.register(password=password)
    assert response.status_code == status
    assert get_field_codes(response) == {"email": ["duplicate_email"], "password": [code]}


def test_passwords_of_8_and_1024_characters_are_accepted(api: Api) -> None:
    for email, password in (
        ("a@example.com", "\u00fc" * 8),
        ("b@example.com", "\U0001f40e" * 1024),
    ):
        assert api.register(email, password).status_code == 201
        assert api.login(email, password).status_code == 200


def test_common_password_is_refused_if_enabled(start: Start) -> None:
    start(REJECT_COMMON_PASSWORDS=True)
    response = Api().register(password="password123")
    assert get_error(response) == INVALID
    assert get_field_codes(response) == {"password": ["password_too_common"]}


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\0"])
def test_malformed_refresh_token_is_invalid(api: Api, token: str) -> None:
    assert get_error(api.refresh(token)) == (401, "token_invalid")


@pytest.mark.parametrize("text", ["", *ODD_TEXTS], ids=ascii)
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_odd_characters_in_a_field_are_no_server_error(
    api: Api, path: str, field: str, text: str
) -> None:
    token = api.register_and_log_in()["access_token"] if path in WITH_TOKEN else None
    response = api.post(path, {**BODIES[path], field: text}, token=token)
    if response.status_code >= 300:
        assert get_error(response)[0] in {400, 401}


@pytest.mark.parametrize("text", ODD_TEXTS, ids=ascii)
def test_odd_characters_are_no_email(api: Api, text: str) -> None:
    response = api.register(f"us{text}er@example.com")
    assert get_error(response) == INVALID
    assert get_field_codes(response) == {"email": ["invalid_email"]}


def test_nul_in_new_password_is_invalid(api: Api) -> None:
    response = api.register(password=f"{PASSWORD}\0")
    assert get_error(response) == INVALID
    assert get_field_codes(response) == {"password": ["password_invalid_characters"]}


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_longest_field_is_validated(api: Api, path: str, field: str) -> None:
    rest = len(json.dumps({**BODIES[path], field: ""}))
    body = json.dumps({**BODIES[path], field: "x" * (LIMIT - rest)}).encode()
    assert len(body) == LIMIT
    assert post(api, path, body.decode()).status_code in {204, 400, 401}


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("\ufdfa", "password_too_short"),
        ("a\u0301" * 7, "password_too_short"),
        ("\ufdfa" * 58, "password_too_long"),
        ("a\u0301" * 513, "password_too_long"),
    ],
)
def test_password_length_is_checked_before_and_after_nfkc(
    api: Api, password: str, code: str
) -> None:
    assert get_field_codes(api.register(password=password)) == {"password": [code]}
    change = post(api, "auth/password", {"current_password": PASSWORD, "new_password": password})
    assert get_field_codes(change) == {"new_password": [code]}
    assert get_error(api.login(password=password)) == (401, "invalid_credentials")


def test_password_within_bounds_before_and_after_nfkc_is_accepted(api: Api) -> None:
    assert api.register(password="\ufdfa" * 56).status_code == 201
    assert api.login(password="\ufdfa" * 56).status_code == 200


def test_password_refused_by_the_schema_is_refused(api: Api) -> None:
    document = api.client.get("/openapi.json").json()
    schema = document["components"]["schemas"]["Register"]["properties"]["password"]
    for text in ("p", "\ufb00", "\ufdfa", "a\u0301", "\U0001f511"):
        for length in (1, schema["minLength"] - 1, schema["maxLength"] + 1):
            password = (text * length)[:length]
            assert get_error(api.register(password=password)) == INVALID


def test_text_of_your_own_field_is_as_it_was_sent() -> None:
    assert TextField().run_validation(" text ") == " text "
