"""A refused form on the page of an endpoint, and what every page carries."""

import re
from io import BytesIO
from typing import Any

import pytest

from accounts.browsable.middleware import CONTENT_SECURITY_POLICY
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock
from tests.support.browser_client import ACCEPT, LOGIN, PROFILE, Browser
from tests.support.http import FORM, NEW_PASSWORD, Start, UnreachableStore, send

REGISTER = "/api/v1/auth/register"
API_LOGIN = "/api/v1/auth/login"
PASSWORD_PAGE = "/api/v1/auth/password"
SENT_WITH_HTML = {"Accept": ACCEPT, "Origin": "http://testserver"}


def said_at_fields(text: str) -> list[str]:
    return re.findall(r'<span class="help-block">(.+?)</span>', text)


def test_a_refused_form_says_at_each_field_what_is_wrong(browser: Browser) -> None:
    page = browser.fill(REGISTER, email="no address", password="short")
    assert said_at_fields(page.text) == [
        "Enter a valid e-mail address.",
        "The password must have at least 8 characters.",
    ]


def test_what_the_service_refuses_is_said_at_its_field_too(browser: Browser) -> None:
    browser.log_in()
    page = browser.fill(PASSWORD_PAGE, current_password="wrong", new_password=NEW_PASSWORD)
    assert said_at_fields(page.text) == ["The current password is wrong."]


@pytest.mark.parametrize(("path", "status"), [(REGISTER, 400), (API_LOGIN, 401)])
def test_a_refused_form_comes_back_filled_in_less_the_password(
    browser: Browser, path: str, status: int
) -> None:
    page = browser.fill(path, email=EMAIL, password="a wrong password")
    assert page.status == status
    assert page.form(path, "password").fields["email"] == EMAIL
    assert page.form(path, "password").fields["password"] == ""
    assert "a wrong password" not in page.text


@pytest.mark.parametrize("path", ["/api/v1/auth/refresh", "/api/v1/auth/logout"])
def test_a_refused_form_does_not_repeat_a_refresh_token(
    browser: Browser, api: Api, start: Start, clock: MovableClock, path: str
) -> None:
    token = api.login().json()["refresh_token"]
    start().accounts.store = UnreachableStore(clock)
    page = browser.fill(path, refresh_token=token)
    assert page.status == 503
    assert page.form(path, "refresh_token").fields["refresh_token"] == ""
    assert token not in page.text


def test_what_was_typed_is_escaped(browser: Browser) -> None:
    page = browser.fill(REGISTER, email='"><script>alert(1)</script>', password=PASSWORD)
    assert "<script>alert" not in page.text


def test_a_form_that_was_accepted_comes_back_empty(browser: Browser) -> None:
    page = browser.fill(REGISTER, email="new@example.com", password=PASSWORD)
    assert page.status == 201
    assert page.form(REGISTER, "password").fields["email"] == ""


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("[1]", JSON, 422),
        ("{", JSON, 400),
        ('{"email": {"a": [1]}, "password": null}', JSON, 422),
        ('{"email": "\\ud800", "password": "\\ud800"}', JSON, 400),
        ("x", "text/plain", 415),
    ],
)
def test_what_is_no_form_is_refused_on_a_page_all_the_same(
    api: Api, body: str, content_type: str, status: int
) -> None:
    response = api.client.post(REGISTER, body, content_type=content_type, headers=SENT_WITH_HTML)
    assert response.status_code == status
    assert response["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", [PASSWORD_PAGE, "/api/v1/auth/logout-all"])
@pytest.mark.parametrize("headers", [{"Authorization": "Bearer bad"}, {}])
def test_a_body_that_nobody_parses_is_refused_before_its_credentials(
    browser: Browser, path: str, headers: dict[str, str]
) -> None:
    browser.log_in()
    headers = {**SENT_WITH_HTML, **headers}
    response = browser.client.post(path, "x", content_type="text/csv", headers=headers)
    assert response.status_code == 415
    assert response["Content-Type"] == "text/html; charset=utf-8"


class NeverCame(BytesIO):
    """A body whose client has gone."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError


@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_a_form_that_never_came_is_refused_on_a_page(api: Api, content_type: str) -> None:
    never: Any = {"wsgi.input": NeverCame()}
    response = send(api, REGISTER, b"x", content_type, headers=SENT_WITH_HTML, **never)
    assert response.status_code == 400
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_a_refused_form_asks_no_store_again(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    start().accounts.store = UnreachableStore(clock)
    page = browser.fill(REGISTER, email=EMAIL, password=PASSWORD)
    assert page.status == 503
    assert page.form(REGISTER, "email").fields["email"] == EMAIL


def test_a_form_whose_csrf_token_is_old_can_be_sent_again(browser: Browser, api: Api) -> None:
    browser.log_in()
    page = browser.open(PASSWORD_PAGE)
    browser.log_in()
    values = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    refused = browser.submit(page, page.form(PASSWORD_PAGE), **values)
    assert refused.status == 403
    assert api.login().status_code == 200
    assert browser.submit(refused, refused.form(PASSWORD_PAGE), **values).status == 200


@pytest.mark.parametrize("path", ["/", REGISTER, PROFILE, LOGIN])
def test_every_page_runs_scripts_of_this_service_alone(browser: Browser, path: str) -> None:
    page = browser.open(path)
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    scripts = re.findall(r"<script(?! type=\"application/json\")([^>]*)>", page.text)
    assert all('src="/static/' in script for script in scripts)
    assert not re.search(r"\son\w+=|javascript:", page.text)


def test_the_pages_of_the_description_keep_their_own_policy(browser: Browser) -> None:
    policy = browser.open("/docs").headers["Content-Security-Policy"]
    assert "form-action 'none'" in policy


def test_the_way_to_a_page_names_each_step_once(browser: Browser) -> None:
    trail = browser.open(PROFILE).text.partition('class="breadcrumb"')[2].partition("</ul>")[0]
    assert re.findall(r">([^<>]+)</a>", trail) == ["Endpoints", "API v1", "Profile"]
