"""The page of an endpoint: its form after an error, and who is logged in."""

import re
from io import BytesIO
from typing import Any

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock, build_auth_headers
from tests.support.browser_client import ACCEPT, LOGIN, PROFILE, Browser, cookie
from tests.support.http import FORM, NEW_PASSWORD, Start, UnreachableStore, send

REGISTER = "/api/v1/auth/register"
API_LOGIN = "/api/v1/auth/login"
LOGOUT_ALL = "/api/v1/auth/logout-all"
PASSWORD_PAGE = "/api/v1/auth/password"
SAME_ORIGIN = {"Accept": ACCEPT, "Origin": "http://testserver"}
HTML = "text/html; charset=utf-8"
TOO_LONG = "Ensure this field has no more than 5 characters."

custom_views = pytest.mark.urls("tests.support.custom_views")


def get_field_errors(text: str) -> list[str]:
    return re.findall(r'<span class="help-block">(.+?)</span>', text)


def post(api: Api, path: str, body: Any, content_type: str = JSON, method: str = "post") -> Any:
    """Send a body as a page of this service does."""
    call = getattr(api.client, method)
    return call(path, body, content_type=content_type, headers=SAME_ORIGIN)


def test_form_shows_errors_at_their_fields(browser: Browser) -> None:
    page = browser.fill(REGISTER, email="no address", password="short")
    assert get_field_errors(page.text) == [
        "Enter a valid e-mail address.",
        "The password must have at least 8 characters.",
    ]


def test_form_shows_error_of_the_service_at_its_field(browser: Browser) -> None:
    browser.log_in()
    page = browser.fill(PASSWORD_PAGE, current_password="wrong", new_password=NEW_PASSWORD)
    assert get_field_errors(page.text) == ["The current password is wrong."]


@pytest.mark.parametrize(("path", "status"), [(REGISTER, 400), (API_LOGIN, 401)])
def test_form_after_error_keeps_all_but_the_password(
    browser: Browser, path: str, status: int
) -> None:
    page = browser.fill(path, email=EMAIL, password="a wrong password")
    assert page.status == status
    assert page.form(path, "password").fields["email"] == EMAIL
    assert page.form(path, "password").fields["password"] == ""
    assert "a wrong password" not in page.text


@pytest.mark.parametrize("path", ["/api/v1/auth/refresh", "/api/v1/auth/logout"])
def test_form_after_error_does_not_repeat_refresh_token(
    browser: Browser, api: Api, start: Start, clock: MovableClock, path: str
) -> None:
    token = api.login().json()["refresh_token"]
    start().accounts.store = UnreachableStore(clock)
    page = browser.fill(path, refresh_token=token)
    assert page.status == 503
    assert page.form(path, "refresh_token").fields["refresh_token"] == ""
    assert token not in page.text


def test_form_after_error_escapes_its_values(browser: Browser) -> None:
    page = browser.fill(REGISTER, email='"><script>alert(1)</script>', password=PASSWORD)
    assert "<script>alert" not in page.text


def test_form_after_success_is_empty(browser: Browser) -> None:
    page = browser.fill(REGISTER, email="new@example.com", password=PASSWORD)
    assert page.status == 201
    assert page.form(REGISTER, "password").fields["email"] == ""


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("[1]", JSON, 422),
        ("{", JSON, 400),
        ('{"email": {"a": [1e300]}, "password": null}', JSON, 422),
        ("x", "text/plain", 415),
    ],
)
def test_malformed_body_is_an_error_page(
    api: Api, body: str, content_type: str, status: int
) -> None:
    response = api.client.post(REGISTER, body, content_type=content_type, headers=SAME_ORIGIN)
    assert response.status_code == status
    assert response["Content-Type"] == HTML


@pytest.mark.parametrize("path", [PASSWORD_PAGE, "/api/v1/auth/logout-all"])
@pytest.mark.parametrize("headers", [{"Authorization": "Bearer bad"}, {}])
def test_unsupported_media_type_is_an_error_page(
    browser: Browser, path: str, headers: dict[str, str]
) -> None:
    browser.log_in()
    headers = {**SAME_ORIGIN, **headers}
    response = browser.client.post(path, "x", content_type="text/csv", headers=headers)
    assert response.status_code == 415
    assert response["Content-Type"] == HTML


class DisconnectedBody(BytesIO):
    """The body of a client that has disconnected."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError


@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_disconnected_client_is_an_error_page(api: Api, content_type: str) -> None:
    environ: Any = {"wsgi.input": DisconnectedBody()}
    response = send(api, REGISTER, b"x", content_type, headers=SAME_ORIGIN, **environ)
    assert response.status_code == 400
    assert response["Content-Type"] == HTML


def test_form_is_shown_without_a_second_validation(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    start().accounts.store = UnreachableStore(clock)
    page = browser.fill(REGISTER, email=EMAIL, password=PASSWORD)
    assert page.status == 503
    assert page.form(REGISTER, "email").fields["email"] == EMAIL


def test_form_with_expired_csrf_token_can_be_sent_again(browser: Browser, api: Api) -> None:
    browser.log_in()
    page = browser.open(PASSWORD_PAGE)
    browser.log_in()
    values = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    page_after_error = browser.submit(page, page.form(PASSWORD_PAGE), **values)
    assert page_after_error.status == 403
    assert api.login().status_code == 200
    assert (
        browser.submit(page_after_error, page_after_error.form(PASSWORD_PAGE), **values).status
        == 200
    )


def test_post_endpoint_shows_its_form_to_get(browser: Browser) -> None:
    page = browser.open("/api/v1/auth/register")
    assert page.status == 405
    assert page.form("/api/v1/auth/register", "email", "password")


@pytest.mark.parametrize("path", [PASSWORD_PAGE, LOGOUT_ALL])
def test_protected_endpoint_shows_its_form_after_login(browser: Browser, path: str) -> None:
    assert path not in [form.action for form in browser.open(path).forms()]
    page = browser.log_in(path=f"{LOGIN}?next={path}")
    assert (page.path, page.status) == (path, 405)
    assert page.form(path, "csrfmiddlewaretoken")


def test_breadcrumbs_list_each_page_once(browser: Browser) -> None:
    trail = browser.open(PROFILE).text.partition('class="breadcrumb"')[2].partition("</ul>")[0]
    assert re.findall(r">([^<>]+)</a>", trail) == ["Endpoints", "API v1", "Profile"]


@pytest.mark.parametrize("enabled", [True, False])
def test_page_links_no_disabled_endpoint(start: Start, *, enabled: bool) -> None:
    start(TRACK_SESSIONS=enabled)
    assert ("/api/v1/auth/sessions" in Browser().open("/api/v1/auth/login").text) == enabled


# Who is logged in


def test_page_without_login_offers_to_log_in(browser: Browser) -> None:
    page = browser.open(PROFILE)
    assert page.status == 401
    assert page.has_login_link
    assert not page.has_logout_form


@pytest.mark.parametrize("path", ["/", "/api/v1/", "/api/v1/auth/register", PROFILE])
def test_page_shows_the_logged_in_user(browser: Browser, path: str) -> None:
    browser.log_in()
    page = browser.open(path)
    assert EMAIL in page.text
    assert page.has_logout_form
    assert not page.has_login_link


@pytest.mark.parametrize(
    ("path", "link"), [(PROFILE, f"{LOGIN}?next={PROFILE}"), (PASSWORD_PAGE, LOGIN)]
)
def test_login_link_leads_back_unless_page_takes_no_get(
    browser: Browser, path: str, link: str
) -> None:
    assert f'href="{link}"' in browser.open(path).text.replace("'", '"')


@pytest.mark.parametrize("path", [PROFILE, "/api/v1/auth/register"])
def test_page_with_unreachable_store_is_shown(
    browser: Browser, start: Start, clock: MovableClock, path: str
) -> None:
    browser.log_in()
    start().accounts.store = UnreachableStore(clock)
    page = browser.open(path)
    assert page.status == (503 if path == PROFILE else 405)
    assert page.has_login_link
    assert cookie(browser, ACCESS_COOKIE).value != ""


def test_page_for_bearer_with_unreachable_store_is_503(
    api: Api, start: Start, clock: MovableClock
) -> None:
    token = api.register_and_log_in()["access_token"]
    start().accounts.store = UnreachableStore(clock)
    response = api.client.get(PROFILE, headers={**build_auth_headers(token), "Accept": ACCEPT})
    assert response.status_code == 503
    assert response["Content-Type"] == HTML


def log_in_again(path: str) -> str:
    link = f'<a href="{LOGIN}?next={path}">Log in again</a>'
    return f"Your login has expired or was ended. {link}"


@pytest.mark.parametrize("path", ["/", PROFILE, PASSWORD_PAGE])
def test_page_after_expired_login_says_so(browser: Browser, clock: MovableClock, path: str) -> None:
    browser.log_in()
    assert log_in_again(path) not in browser.open(path).text
    clock.advance(15 * 60)
    assert log_in_again(path) in browser.open(path).text


def test_form_sent_after_expired_login_says_so(browser: Browser, clock: MovableClock) -> None:
    browser.log_in()
    page = browser.open(PASSWORD_PAGE)
    clock.advance(15 * 60)
    assert log_in_again(PASSWORD_PAGE) in browser.submit(page, page.form(PASSWORD_PAGE)).text


TOKENS_ARE_NO_LOGIN = f'These pages have a login of their own. <a href="{LOGIN}?next=/">'


def test_page_with_tokens_says_that_pages_have_their_own_login(browser: Browser) -> None:
    page = browser.fill(API_LOGIN, email=EMAIL, password=PASSWORD)
    assert page.status == 200
    assert TOKENS_ARE_NO_LOGIN in page.text
    assert TOKENS_ARE_NO_LOGIN not in browser.open(API_LOGIN).text
    page = browser.fill(API_LOGIN, email=EMAIL, password="a wrong password")
    assert TOKENS_ARE_NO_LOGIN not in page.text


def test_page_with_tokens_says_nothing_to_a_logged_in_user(browser: Browser) -> None:
    browser.log_in()
    page = browser.fill(API_LOGIN, email=EMAIL, password=PASSWORD)
    assert page.status == 200
    assert TOKENS_ARE_NO_LOGIN not in page.text


@pytest.mark.parametrize(
    ("path", "name"),
    [(API_LOGIN, "Log in"), ("/api/v1/auth/logout", "Log out"), (LOGOUT_ALL, "Log out everywhere")],
)
def test_pages_have_one_spelling_of_log_in_and_e_mail(
    browser: Browser, path: str, name: str
) -> None:
    browser.log_in()
    text = browser.open(path).text
    assert f"<h1>{name}</h1>" in text
    assert f"{name}</a></li>" in text
    assert not re.search(r">\s*(Login|Logout|Email)\b", text)


# Views of another project


@custom_views
@pytest.mark.parametrize("path", ["nothing", "texts", "word", "half-our-shape", "odd-errors"])
def test_own_error_body_of_a_view_is_shown(api: Api, path: str) -> None:
    response = post(api, f"/{path}", {"name": "x"})
    assert response.status_code == 409
    assert response["Content-Type"] == HTML


@custom_views
def test_own_errors_of_a_view_stay_at_their_fields(browser: Browser) -> None:
    page = browser.fill("/classic", name="too long")
    assert page.status == 400
    assert page.form("/classic", "name").fields["name"] == "too long"
    assert TOO_LONG in get_field_errors(page.text)


@custom_views
@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_form_of_each_method_shows_values_and_errors(api: Api, method: str) -> None:
    text = post(api, "/notes", "name=too+long", FORM, method).content.decode()
    assert text.count('value="too long"') == 1
    assert get_field_errors(text) == [TOO_LONG]


@custom_views
def test_nested_form_shows_values_and_errors(browser: Browser) -> None:
    page = browser.fill("/notes", name="x", **{"address.street": "too long"})
    assert page.form("/notes", "name").fields["address.street"] == "too long"
    assert get_field_errors(page.text) == [TOO_LONG]


OTHER_ORIGINS = [
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Origin": "null", "Referer": "http://testserver/"},
    {"Referer": "http://testserver.evil.example/"},
    {"Referer": "http://["},
    {},
]


def post_without_csrf_token(browser: Browser, **headers: str) -> Any:
    """Send a form, logged in by cookie."""
    browser.log_in()
    headers = {"Accept": ACCEPT, **headers}
    return browser.client.post("/secured", {"name": "typed"}, headers=headers)


@custom_views
@pytest.mark.parametrize("headers", OTHER_ORIGINS, ids=str)
def test_form_of_another_origin_is_not_repeated(browser: Browser, headers: dict[str, str]) -> None:
    response = post_without_csrf_token(browser, **headers)
    text = response.content.decode()
    assert response.status_code == 403
    assert "csrf_failed" in text
    assert "This form was not sent from this site." in text
    assert "typed" not in text
    assert "Send it again" not in text


@custom_views
@pytest.mark.parametrize("name", ["Origin", "Referer"])
def test_form_of_same_origin_without_token_is_repeated(browser: Browser, name: str) -> None:
    value = {"Origin": "http://testserver", "Referer": "http://testserver/secured?x=1"}[name]
    response = post_without_csrf_token(browser, **{name: value})
    assert response.status_code == 403
    assert 'value="typed"' in response.content.decode()
    assert "The form has expired. Send it again." in response.content.decode()


@custom_views
@pytest.mark.parametrize("value", ["no time", "2026-11-24T10:00"])
def test_time_field_after_error_is_shown(api: Api, value: str) -> None:
    response = post(api, "/notes", {"name": "too long", "due": value})
    assert response.status_code == 400


@custom_views
def test_write_only_field_is_not_repeated(browser: Browser) -> None:
    page = browser.fill("/notes", name="too long", pin="the pin")
    assert page.status == 400
    assert page.form("/notes", "name").fields["pin"] == ""
    assert "the pin" not in page.text


@custom_views
def test_list_body_with_error_is_shown(api: Api) -> None:
    assert post(api, "/many", [{"name": "too long"}]).status_code == 400


@custom_views
@pytest.mark.parametrize("path", ["/no-details", "/text", "/forbidden"])
def test_error_without_field_keeps_the_form(api: Api, path: str) -> None:
    response = post(api, path, "name=typed", FORM)
    assert response.status_code in {400, 403}
    assert 'value="typed"' in response.content.decode()


@custom_views
def test_list_view_shows_its_filters(api: Api) -> None:
    response = api.client.get("/list", headers={"Accept": ACCEPT})
    assert "matching" in response.content.decode()
