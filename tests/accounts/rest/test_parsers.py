"""Bodies that no honest client sends: each gets the contract's answer and harms nothing."""

import json
from io import BytesIO
from typing import Any

import pytest

from tests.support.api import EMAIL, PASSWORD, Api, codes
from tests.support.http import BODIES, FIELDS, FORM, LIMIT, problem, send

GOOD = json.dumps(BODIES["auth/register"]).encode()
ESCAPES = ["\0", "\ufffe", "\u202e", "\r\nSet-Cookie: a=b", "\x1b[31m"]

MALFORMED = {
    "100,000 nested arrays, cut at the limit": b"[" * LIMIT,
    "nested arrays, closed": b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
    "nested objects": b'{"a":' * (LIMIT // 5),
    "nested in a field": b'{"email":' + b"[" * (LIMIT - 10),
    "NaN": b'{"email": NaN}',
    "Infinity": b'{"email": Infinity}',
    "-Infinity": b'{"email": -Infinity}',
    "NaN alone": b"NaN",
    "invalid UTF-8": b'{"email": "\xff\xfe"}',
    "overlong UTF-8": b'{"email": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"email": "\xed\xa0\x80"}',
    "UTF-8 that the end cuts short": GOOD + b"\xe2\x82",
    "UTF-8 that a quote cuts short": b'{"email": "\xe2\x82"}',
    "UTF-8 with a BOM": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a BOM": GOOD.decode().encode("utf-16-be"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "a NUL": b"\0",
    "a raw NUL in a string": b'{"email": "\0"}',
    "a raw line break in a string": b'{"email": "\n"}',
    "white space": b" \t\r\n",
    "two objects": b"{}{}",
    "single quotes": b"{'email': 'user@example.com'}",
    "a comment": b"{} // nothing",
    "a trailing comma": b'{"email": "user@example.com",}',
    "no end": b'{"email": "user',
    "a form": b"email=user%40example.com",
    "an unknown escape": b'{"email": "\\x41"}',
}


def post(api: Api, path: str, body: bytes) -> Any:
    token = api.enter()["access_token"] if path == "auth/password" else None
    return send(api, f"/api/v1/{path}", body, token=token)


@pytest.mark.parametrize("body", MALFORMED.values(), ids=list(MALFORMED))
@pytest.mark.parametrize("path", BODIES)
def test_what_is_no_json_is_a_parse_error(api: Api, path: str, body: bytes) -> None:
    assert problem(post(api, path, body)) == (400, "parse_error")


def test_100_000_nested_arrays_are_too_large(api: Api) -> None:
    response = send(api, "/api/v1/auth/login", b"[" * 100_000)
    assert problem(response) == (413, "payload_too_large")


def test_nesting_within_reason_is_judged_by_its_type(api: Api) -> None:
    body = b'{"email": ' + b"[" * 100 + b"]" * 100 + b', "password": "long enough"}'
    response = send(api, "/api/v1/auth/register", body)
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {"email": ["wrong_type"]}


def test_of_duplicate_keys_the_last_one_counts(api: Api) -> None:
    body = b'{"email": 1, "email": "user@example.com", "password": "x", "password": "long enough"}'
    assert send(api, "/api/v1/auth/register", body).status_code == 201
    assert api.login(password="long enough").status_code == 200


@pytest.mark.parametrize("text", ["", *ESCAPES, *[f"{EMAIL}{text}" for text in ESCAPES]], ids=ascii)
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_odd_characters_in_a_field_are_no_bug(api: Api, path: str, field: str, text: str) -> None:
    token = api.enter()["access_token"] if path == "auth/password" else None
    response = api.post(path, {**BODIES[path], field: text}, token=token)
    if response.status_code >= 300:
        assert problem(response)[0] in {400, 401}
    assert api.client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("text", ESCAPES, ids=ascii)
def test_odd_characters_make_no_address(api: Api, text: str) -> None:
    response = api.register(f"us{text}er@example.com")
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"email": ["invalid_email"]}


@pytest.mark.parametrize("text", ["\0"], ids=ascii)
def test_what_cannot_be_hashed_is_no_new_password(api: Api, text: str) -> None:
    response = api.register(password=f"{PASSWORD}{text}")
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"password": ["password_invalid_characters"]}


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_a_field_as_long_as_the_limit_is_judged(api: Api, path: str, field: str) -> None:
    token = api.enter()["access_token"] if path == "auth/password" else None
    rest = len(json.dumps({**BODIES[path], field: ""}))
    body = json.dumps({**BODIES[path], field: "x" * (LIMIT - rest)}).encode()
    assert len(body) == LIMIT
    response = send(api, f"/api/v1/{path}", body, token=token)
    assert response.status_code in {204, 400, 401}


def test_a_password_that_normalising_multiplies_is_judged_by_what_it_becomes(api: Api) -> None:
    assert codes(api.register(password="\ufdfa" * 58)) == {"password": ["password_too_long"]}
    assert api.register(password="\ufdfa" * 56).status_code == 201


def test_a_thousand_unknown_fields_are_ignored(api: Api) -> None:
    body = {**BODIES["auth/register"], **{f"{number}": None for number in range(1000)}}
    assert api.post("auth/register", body).status_code == 201


def test_a_length_that_says_too_much_ends_with_the_body(api: Api) -> None:
    declared: dict[str, Any] = {"wsgi.input": BytesIO(GOOD), "CONTENT_LENGTH": str(len(GOOD) + 9)}
    assert send(api, "/api/v1/auth/register", **declared).status_code == 201


def test_a_length_that_says_too_little_cuts_the_body(api: Api) -> None:
    declared: dict[str, Any] = {"wsgi.input": BytesIO(GOOD), "CONTENT_LENGTH": str(len(GOOD) - 9)}
    assert problem(send(api, "/api/v1/auth/register", **declared)) == (400, "parse_error")


@pytest.mark.parametrize(
    "length",
    [str(LIMIT + 1), f"{LIMIT + 1:030}", "9" * 30, "9" * 5000, "-1", "+5", "1_0", "x", "5.0"],
)
def test_a_length_over_the_limit_or_none_at_all_is_refused(api: Api, length: str) -> None:
    declared: dict[str, Any] = {
        "wsgi.input": BytesIO(GOOD.ljust(LIMIT + 1)),
        "CONTENT_LENGTH": length,
    }
    response = send(api, "/api/v1/auth/register", **declared)
    assert problem(response) == (413, "payload_too_large")


def test_zeros_before_a_length_mean_nothing(api: Api) -> None:
    response = send(api, "/api/v1/auth/register", GOOD, CONTENT_LENGTH=f"{len(GOOD):040}")
    assert response.status_code == 201


FORMS = {
    "no pairs": b"&&&",
    "no names": b"=&=",
    "bytes": b"\xff=\xff",
    "2,000 fields": b"a=1&" * 2000,
    "broken escapes": b"email=%&password=%u0041",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=list(FORMS))
@pytest.mark.parametrize(
    "media_type", [FORM, "multipart/form-data", "multipart/form-data; boundary=x"]
)
def test_odd_forms_are_refused(api: Api, media_type: str, body: bytes) -> None:
    status, _ = problem(send(api, "/api/v1/auth/register", body, media_type))
    assert status in {400, 422}


PARTS = {
    "no headers": b"--x\r\n\r\n",
    "no end": b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nuser@example.com',
    "3,000 parts": b"--x\r\n" * 3000,
    "a long header": b"--x\r\nX: " + b"a" * 9000 + b"\r\n\r\n--x--",
    "an unknown charset": b"--x\r\nContent-Disposition: form-data; name*=no''%41\r\n\r\n\r\n--x--",
    "broken base64": b'--x\r\nContent-Disposition: form-data; name="email"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n%%%\r\n--x--",
}


@pytest.mark.parametrize("body", PARTS.values(), ids=list(PARTS))
def test_odd_multipart_bodies_are_refused(api: Api, body: bytes) -> None:
    response = send(api, "/api/v1/auth/register", body, "multipart/form-data; boundary=x")
    assert problem(response)[0] in {400, 422}


@pytest.mark.parametrize("text", ["[" * 600, "{]" * 400, '\\"[' * 300, "]" * 600])
def test_brackets_in_a_string_nest_nothing(api: Api, text: str) -> None:
    assert api.register(password=text).status_code == 201
    assert api.login(password=text).status_code == 200


@pytest.mark.parametrize(
    "body", [b'"' + b"\\[" * 8000, b'\\"[' * 5000, b'["' * 8000, b'{"[":' * 3000]
)
def test_odd_quotes_and_brackets_are_a_parse_error(api: Api, body: bytes) -> None:
    assert problem(send(api, "/api/v1/auth/login", body)) == (400, "parse_error")


LAX_JSON = {
    "lone surrogate escape": b'{"email": "\\ud800"}',
    "number beyond a double": b'{"email": 1e999}',
    "number of 400 digits": b'{"email": ' + b"9" * 400 + b"}",
    "1,025 levels": b"[" * 1025 + b"]" * 1025,
}


@pytest.mark.parametrize("body", LAX_JSON.values(), ids=list(LAX_JSON))
def test_json_that_python_accepts_is_parse_error(api: Api, body: bytes) -> None:
    assert problem(send(api, "/api/v1/auth/login", body)) == (400, "parse_error")


@pytest.mark.parametrize("body", [b"[" * 1024 + b"]" * 1024, b"9" * 300, b"1e300"])
def test_odd_json_of_wrong_type_is_unprocessable(api: Api, body: bytes) -> None:
    assert problem(send(api, "/api/v1/auth/login", body)) == (422, "unprocessable")


@pytest.mark.parametrize("body", [b'{"password": "secret', b"secret", b"{secret}", b'"\\secret"'])
def test_parse_error_does_not_repeat_the_body(api: Api, body: bytes) -> None:
    response = send(api, "/api/v1/auth/login", body)
    assert response.json()["detail"].startswith("JSON parse error - ")
    assert "secret" not in response.json()["detail"]
