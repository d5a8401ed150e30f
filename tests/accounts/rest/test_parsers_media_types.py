"""Content-Type headers that no honest client sends."""

import json
from typing import Any

import pytest
from django.test import RequestFactory

from authproject.wsgi import application
from tests.support.api import EMAIL, JSON, Api
from tests.support.http import BODIES, FORM, problem, send

GOOD = json.dumps(BODIES["auth/register"]).encode()
GOOD_FORM = b"email=user%40example.com&password=long%20enough"

CHARSETS = [
    "hex",
    "rot13",
    "zlib_codec",
    "utf-16",
    "utf-7",
    "latin-1",
    "idna",
    "punycode",
    "undefined",
    "unicode_escape",
    "garbage",
    "",
    '"',
    "\xff",
    "a" * 200,
]

PARAMETERS = [
    *[f"charset={charset}" for charset in CHARSETS],
    "charset*=bogus''%41",
    "charset*=utf-8''%00",
    "x*=bogus''%41",
    "x*=undefined''%41",
    "x*99999999999999999999=1",
    "x" * 20_000,
    ";;;",
    '"',
]


def over_wsgi(media_type: str, body: bytes, path: str = "/api/v1/auth/register") -> Any:
    """Call the WSGI application as a server does: Django's client cannot send some of these."""
    environ = RequestFactory().generic("POST", path, body).environ | {"CONTENT_TYPE": media_type}
    answer: list[Any] = []
    content = b"".join(application(environ, lambda *start: answer.extend(start)))
    status, headers = answer[0], dict(answer[1])
    return int(status.split()[0]), headers, json.loads(content)


@pytest.mark.parametrize("query", ["", "?format=%6Ason"])
@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda text: ascii(text)[:30])
def test_json_is_utf_8_whatever_its_media_type_adds(api: Api, parameter: str, query: str) -> None:
    path = f"/api/v1/auth/register{query}"
    status, headers, body = over_wsgi(f"{JSON}; {parameter}", GOOD, path)
    assert (status, body["email"]) == (201, EMAIL)
    assert headers["X-Request-ID"]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda text: ascii(text)[:30])
def test_a_form_is_utf_8_whatever_its_media_type_adds(api: Api, parameter: str) -> None:
    status, _, body = over_wsgi(f"{FORM}; {parameter}", GOOD_FORM)
    assert (status, body["email"]) == (201, EMAIL)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda text: ascii(text)[:30])
@pytest.mark.parametrize("boundary", ["boundary=x; ", 'boundary="x"; ', ""])
def test_odd_parameters_of_multipart_forms_are_no_bug(
    api: Api, boundary: str, parameter: str
) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nuser@example.com\r\n--x--'
    status, _, body = over_wsgi(f"multipart/form-data; {boundary}{parameter}", part)
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
def test_no_charset_makes_json_of_another_encoding(api: Api, charset: str, body: bytes) -> None:
    status, _, answer = over_wsgi(f"{JSON}; charset={charset}", body)
    assert (status, answer["code"]) == (400, "parse_error")


@pytest.mark.parametrize(
    "media_type",
    ["/", "application", "application/json/", "json", "\xff", "text/plain;" * 500, "a" * 20_000],
    ids=lambda text: ascii(text)[:30],
)
def test_an_odd_media_type_is_not_supported(api: Api, media_type: str) -> None:
    response = send(api, "/api/v1/auth/register", GOOD, media_type)
    assert problem(response) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["APPLICATION/JSON", " application/json ", "Application/Json;"]
)
def test_the_case_of_a_media_type_does_not_matter(api: Api, media_type: str) -> None:
    assert send(api, "/api/v1/auth/register", GOOD, media_type).status_code == 201
