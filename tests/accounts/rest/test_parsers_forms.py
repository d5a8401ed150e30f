"""Forms, which the HTML forms of the browsable API send."""

from io import BytesIO
from typing import Any

import pytest
from django.utils.http import urlencode

from tests.support.api import EMAIL, PASSWORD, Api, codes
from tests.support.http import BODIES, FORM, NEW_PASSWORD, problem, send


@pytest.fixture(params=["urlencoded", "multipart"])
def form(api: Api, request: pytest.FixtureRequest) -> Any:
    """Send a form to an endpoint, in either encoding."""

    def urlencoded(path: str, data: dict[str, Any], token: str | None = None) -> Any:
        return send(api, f"/api/v1/{path}", urlencode(data).encode(), FORM, token=token)

    def multipart(path: str, data: dict[str, Any], token: str | None = None) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return api.client.post(f"/api/v1/{path}", data=data, headers=headers)

    return urlencoded if request.param == "urlencoded" else multipart


def test_a_form_registers(api: Api, form: Any) -> None:
    assert form("auth/register", {"email": EMAIL, "password": PASSWORD}).status_code == 201
    assert api.login().status_code == 200


def test_a_form_logs_in_and_out(api: Api, form: Any) -> None:
    api.register()
    tokens = form("auth/login", {"email": EMAIL, "password": PASSWORD}).json()
    assert form("auth/refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 200
    assert form("auth/logout", {"refresh_token": tokens["refresh_token"]}).status_code == 204
    assert api.profile(tokens["access_token"]).status_code == 401


def test_a_form_changes_the_password(api: Api, form: Any) -> None:
    token = api.enter()["access_token"]
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert form("auth/password", body, token).status_code == 200


def test_a_form_trims_no_password(api: Api, form: Any) -> None:
    form("auth/register", {"email": EMAIL, "password": f" {PASSWORD} "})
    assert api.login().status_code == 401
    assert api.login(password=f" {PASSWORD} ").status_code == 200


@pytest.mark.parametrize("path", [path for path in BODIES if path != "auth/password"])
def test_an_empty_form_lacks_every_field(form: Any, path: str) -> None:
    response = form(path, {})
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {field: ["required"] for field in BODIES[path]}


def test_an_empty_input_is_an_empty_string(form: Any) -> None:
    response = form("auth/register", {"email": "", "password": ""})
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"email": ["invalid_email"], "password": ["password_too_short"]}


def test_a_file_is_no_string(api: Api) -> None:
    data = {"email": BytesIO(b"user@example.com"), "password": PASSWORD}
    response = api.client.post("/api/v1/auth/register", data=data)
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {"email": ["wrong_type"]}


@pytest.mark.parametrize(
    "body", [b"email=user%40example.com&password=%FF%FF%FF%FF%FF%FF%FF%FF", b"\xff"]
)
def test_a_form_that_is_not_utf_8_is_refused(api: Api, body: bytes) -> None:
    assert problem(send(api, "/api/v1/auth/register", body, FORM)) == (400, "parse_error")


def test_a_multipart_form_that_is_not_utf_8_is_refused(api: Api) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n\xff\xff\r\n--x--\r\n'
    response = send(api, "/api/v1/auth/register", body, "multipart/form-data; boundary=x")
    assert problem(response) == (400, "parse_error")
