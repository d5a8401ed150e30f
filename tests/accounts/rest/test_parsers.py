"""Request bodies: JSON, forms and their media types."""

import gzip
import json
from codecs import BOM_UTF8
from io import BytesIO
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils.http import urlencode

from authproject.wsgi import application
from tests.support.api import EMAIL, JSON, PASSWORD, Api, build_auth_headers, get_field_codes
from tests.support.http import BODIES, FORM, LIMIT, NEW_PASSWORD, WITH_TOKEN, get_error, send

REGISTER = "/api/v1/auth/register"
MULTIPART = "multipart/form-data; boundary=x"
PAGE = {"Accept": "application/json, text/html;q=0.9"}
"""Headers of a request from a page; here the response is JSON, though."""
GOOD = json.dumps(BODIES["auth/register"]).encode()
GOOD_FORM = b"email=user%40example.com&password=long%20enough"
PARSE_ERROR = (400, "parse_error")

MALFORMED_JSON = {
    "nested arrays, not closed": b"[" * LIMIT,
    "nested objects": b'{"a":' * (LIMIT // 5),
    "1,025 levels": b"[" * 1025 + b"]" * 1025,
    "NaN": b'{"email": NaN}',
    "Infinity": b'{"email": -Infinity}',
    "number beyond a double": b'{"email": 1e999}',
    "number of 400 digits": b'{"email": ' + b"9" * 400 + b"}",
    "invalid UTF-8": b'{"email": "\xff\xfe"}',
    "overlong UTF-8": b'{"email": "\xc0\xaf"}',
    "lone surrogate in UTF-8": b'{"email": "\xed\xa0\x80"}',
    "lone surrogate escape": b'{"email": "\\ud800"}',
    "incomplete UTF-8 at the end": GOOD + b"\xe2\x82",
    "two BOMs": 2 * BOM_UTF8 + GOOD,
    "BOM at the end": GOOD + BOM_UTF8,
    "BOM alone": BOM_UTF8,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a BOM": GOOD.decode().encode("utf-16-be"),
    "NUL": b"\0",
    "line break in a string": b'{"email": "\n"}',
    "white space": b" \t\r\n",
    "two objects": b"{}{}",
    "single quotes": b"{'email': 'user@example.com'}",
    "comment": b"{} // nothing",
    "trailing comma": b'{"email": "user@example.com",}',
    "no end": b'{"email": "user',
    "form": GOOD_FORM,
    "unknown escape": b'{"email": "\\x41"}',
}

# Parameters of a media type. Python has a codec for most of these charsets.
PARAMETERS = [
    *(f"charset={charset}" for charset in ("hex", "utf-16", "idna", "undefined", "bogus", '"')),
    *("charset*=bogus''%41", "charset*=utf-8''%00", "x*=undefined''%41"),
    *("x*99999999999999999999=1", "x" * 20_000, ";;;"),
]

ODD_FORMS = {
    "no pairs": b"&&&",
    "no names": b"=&=",
    "invalid UTF-8": b"\xff=\xff",
    "2,000 fields": b"a=1&" * 2000,
    "malformed escapes": b"email=%&password=%u0041",
}
EMAIL_PART = b'--x\r\nContent-Disposition: form-data; name="email"\r\n'
ODD_PARTS = {
    "no headers": b"--x\r\n\r\n",
    "no end": EMAIL_PART + b"\r\nuser@example.com",
    "3,000 parts": b"--x\r\n" * 3000,
    "long header": b"--x\r\nX: " + b"a" * 9000 + b"\r\n\r\n--x--",
    "unknown charset": b"--x\r\nContent-Disposition: form-data; name*=no''%41\r\n\r\n\r\n--x--",
    "malformed base64": EMAIL_PART + b"Content-Transfer-Encoding: base64\r\n\r\n%%%\r\n--x--",
    "invalid UTF-8": EMAIL_PART + b"\r\n\xff\xff\r\n--x--\r\n",
}


# JSON


@pytest.mark.parametrize("body", MALFORMED_JSON.values(), ids=list(MALFORMED_JSON))
def test_malformed_json_is_parse_error(api: Api, body: bytes) -> None:
    assert get_error(send(api, REGISTER, body)) == PARSE_ERROR


@pytest.mark.parametrize("path", BODIES)
def test_malformed_json_at_any_endpoint_is_parse_error(api: Api, path: str) -> None:
    token = api.register_and_log_in()["access_token"]
    assert get_error(send(api, f"/api/v1/{path}", b"{", token=token)) == PARSE_ERROR


@pytest.mark.parametrize("body", [b"[" * 1024 + b"]" * 1024, b"9" * 300, b"1e300"])
def test_odd_json_of_wrong_type_is_422(api: Api, body: bytes) -> None:
    assert get_error(send(api, "/api/v1/auth/login", body)) == (422, "unprocessable")


@pytest.mark.parametrize("body", [b'{"password": "secret', b"secret", b"{secret}", b'"\\secret"'])
def test_parse_error_does_not_repeat_the_body(api: Api, body: bytes) -> None:
    response = send(api, "/api/v1/auth/login", body)
    assert response.json()["detail"].startswith("The body is not valid JSON: line 1, column ")
    assert "secret" not in response.json()["detail"]


@pytest.mark.parametrize(
    "body", [b"\x1f\x8b\x08", b'{"email": "\xff"}', b'{"a": "\xed\xa0\x80"}', b"\xff\xfe{\0"]
)
def test_body_in_no_utf8_is_said_to_be_none(api: Api, body: bytes) -> None:
    assert send(api, REGISTER, body).json()["detail"] == "The body is not UTF-8."


def test_byte_order_mark_is_skipped(api: Api) -> None:
    assert send(api, REGISTER, BOM_UTF8 + GOOD).status_code == 201


def test_last_of_duplicate_keys_is_used(api: Api) -> None:
    body = b'{"email": 1, "email": "user@example.com", "password": "x", "password": "long enough"}'
    assert send(api, REGISTER, body).status_code == 201
    assert api.login(password="long enough").status_code == 200


@pytest.mark.parametrize("path", ["auth/register", "auth/login", "auth/refresh", "auth/logout"])
def test_empty_json_body_is_an_empty_object(api: Api, path: str) -> None:
    response = send(api, f"/api/v1/{path}")
    assert get_error(response) == (422, "unprocessable")
    assert response.json() == send(api, f"/api/v1/{path}", b"{}").json()


# Forms


@pytest.fixture(params=["urlencoded", "multipart"])
def send_form(api: Api, request: pytest.FixtureRequest) -> Any:
    """Send a form to an endpoint, in either encoding."""

    def urlencoded(path: str, data: dict[str, Any], token: str | None = None) -> Any:
        body = urlencode(data).encode()
        return send(api, f"/api/v1/{path}", body, FORM, token=token, headers=PAGE)

    def multipart(path: str, data: dict[str, Any], token: str | None = None) -> Any:
        headers = {**PAGE, **build_auth_headers(token)}
        return api.client.post(f"/api/v1/{path}", data=data, headers=headers)

    return urlencoded if request.param == "urlencoded" else multipart


def test_form_registers(api: Api, send_form: Any) -> None:
    assert send_form("auth/register", {"email": EMAIL, "password": PASSWORD}).status_code == 201
    assert api.login().status_code == 200


def test_form_logs_in_and_out(api: Api, send_form: Any) -> None:
    api.register()
    tokens = send_form("auth/login", {"email": EMAIL, "password": PASSWORD}).json()
    assert send_form("auth/refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 200
    assert send_form("auth/logout", {"refresh_token": tokens["refresh_token"]}).status_code == 204
    assert api.profile(tokens["access_token"]).status_code == 401


def test_form_changes_the_password(api: Api, send_form: Any) -> None:
    token = api.register_and_log_in()["access_token"]
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert send_form("auth/password", body, token).status_code == 200


def test_form_does_not_trim_the_password(api: Api, send_form: Any) -> None:
    send_form("auth/register", {"email": EMAIL, "password": f" {PASSWORD} "})
    assert api.login().status_code == 401
    assert api.login(password=f" {PASSWORD} ").status_code == 200


@pytest.mark.parametrize("path", [path for path in BODIES if path not in WITH_TOKEN])
def test_empty_form_has_every_field_missing(send_form: Any, path: str) -> None:
    response = send_form(path, {})
    assert get_error(response) == (422, "unprocessable")
    assert get_field_codes(response) == {field: ["required"] for field in BODIES[path]}


def test_empty_input_is_an_empty_string(send_form: Any) -> None:
    response = send_form("auth/register", {"email": "", "password": ""})
    assert get_error(response) == (400, "invalid")
    assert get_field_codes(response) == {
        "email": ["invalid_email"],
        "password": ["password_too_short"],
    }


def test_file_is_wrong_type(api: Api) -> None:
    data = {"email": BytesIO(b"user@example.com"), "password": PASSWORD}
    response = api.client.post(REGISTER, data=data, headers=PAGE)
    assert get_error(response) == (422, "unprocessable")
    assert get_field_codes(response) == {"email": ["wrong_type"]}


@pytest.mark.parametrize(
    "body", [b"email=user%40example.com&password=%FF%FF%FF%FF%FF%FF%FF%FF", b"\xff"]
)
def test_form_with_invalid_utf8_is_parse_error(api: Api, body: bytes) -> None:
    assert get_error(send(api, REGISTER, body, FORM, headers=PAGE)) == PARSE_ERROR


@pytest.mark.parametrize("body", ODD_FORMS.values(), ids=list(ODD_FORMS))
@pytest.mark.parametrize("media_type", [FORM, "multipart/form-data", MULTIPART])
def test_odd_form_is_client_error(api: Api, media_type: str, body: bytes) -> None:
    status, _ = get_error(send(api, REGISTER, body, media_type, headers=PAGE))
    assert status in {400, 422}


@pytest.mark.parametrize("body", ODD_PARTS.values(), ids=list(ODD_PARTS))
def test_odd_multipart_form_is_client_error(api: Api, body: bytes) -> None:
    response = send(api, REGISTER, body, MULTIPART, headers=PAGE)
    assert get_error(response)[0] in {400, 422}


@pytest.mark.parametrize("accept", [None, "", "*/*", JSON, "application/*"])
@pytest.mark.parametrize("media_type", [FORM, MULTIPART, f"{FORM}; charset=utf-8"])
@pytest.mark.parametrize("body", [GOOD_FORM, GOOD, b""])
def test_form_of_no_page_is_415_that_names_json(
    api: Api, accept: str | None, media_type: str, body: bytes
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    response = send(api, REGISTER, body or b" ", media_type, headers=headers)
    assert get_error(response) == (415, "unsupported_media_type")
    detail = response.json()["detail"]
    assert detail == "Send the body with Content-Type: application/json."


@pytest.mark.parametrize("path", [*BODIES, "auth/logout-all"])
def test_form_of_no_page_is_415_at_each_endpoint(api: Api, path: str) -> None:
    response = send(api, f"/api/v1/{path}", b"a=1", FORM)
    assert get_error(response) == (415, "unsupported_media_type")


# Content-Encoding


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "gzip, identity", "x"])
@pytest.mark.parametrize("path", ["auth/login", "auth/password", "auth/logout-all"])
def test_encoded_body_is_415(api: Api, path: str, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    response = send(api, f"/api/v1/{path}", gzip.compress(GOOD), headers=headers)
    assert get_error(response) == (415, "unsupported_media_type")
    assert response["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_identity_is_no_encoding(api: Api, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    assert send(api, REGISTER, GOOD, headers=headers).status_code == 201


def test_encoding_of_no_body_is_ignored(api: Api) -> None:
    response = api.client.get("/api/v1/", headers={"Content-Encoding": "gzip"})
    assert response.status_code == 200


# Media types


def post_over_wsgi(media_type: str, body: bytes, path: str = REGISTER) -> Any:
    """Call the WSGI application as a server does: Django's client cannot send some media types."""
    environ = RequestFactory().generic("POST", path, body, headers=PAGE).environ
    environ |= {"CONTENT_TYPE": media_type, "HTTP_HOST": "testserver"}
    started: list[Any] = []
    content = b"".join(application(environ, lambda *start: started.extend(start)))
    status, headers = started[0], dict(started[1])
    return int(status.split()[0]), headers, json.loads(content)


@pytest.mark.parametrize("query", ["", "?format=%6Ason"])
@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda text: ascii(text)[:30])
def test_json_is_utf8_with_any_parameter(api: Api, parameter: str, query: str) -> None:
    path = f"{REGISTER}{query}"
    status, headers, body = post_over_wsgi(f"{JSON}; {parameter}", GOOD, path)
    assert (status, body["email"]) == (201, EMAIL)
    assert headers["X-Request-ID"]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda text: ascii(text)[:30])
def test_form_is_utf8_with_any_parameter(api: Api, parameter: str) -> None:
    status, _, body = post_over_wsgi(f"{FORM}; {parameter}", GOOD_FORM)
    assert (status, body["email"]) == (201, EMAIL)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda text: ascii(text)[:30])
@pytest.mark.parametrize("boundary", ["boundary=x; ", ""])
def test_multipart_form_with_any_parameter_is_parsed(
    api: Api, boundary: str, parameter: str
) -> None:
    part = EMAIL_PART + b"\r\nuser@example.com\r\n--x--"
    status, _, body = post_over_wsgi(f"multipart/form-data; {boundary}{parameter}", part)
    assert (status, body["code"]) == ((422, "unprocessable") if boundary else (400, "parse_error"))


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        ("utf-16", GOOD.decode().encode("utf-16")),
        ("utf-7", b"+AHs-+AH0-"),
        ("latin-1", b'{"email": "\xfc"}'),
        ("rot13", b'{"rznvy": ahyy}'),
        ("unicode_escape", b"\\x7b\\x7d"),
    ],
)
def test_json_in_another_charset_is_parse_error(api: Api, charset: str, body: bytes) -> None:
    status, _, error = post_over_wsgi(f"{JSON}; charset={charset}", body)
    assert (status, error["code"]) == (400, "parse_error")


@pytest.mark.parametrize(
    "media_type",
    ["/", "application", "application/json/", "json", "\xff", "text/plain;" * 500, "a" * 9000],
    ids=lambda text: ascii(text)[:30],
)
def test_malformed_media_type_is_415(api: Api, media_type: str) -> None:
    response = send(api, REGISTER, GOOD, media_type)
    assert get_error(response) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["APPLICATION/JSON", " application/json ", "Application/Json;"]
)
def test_media_type_in_any_case_is_accepted(api: Api, media_type: str) -> None:
    assert send(api, REGISTER, GOOD, media_type).status_code == 201
