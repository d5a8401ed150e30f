"""The browsable API's "Log out", what its pages carry, and its endpoints by form."""

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock, bearer
from tests.support.browser_client import ACCEPT, LOGIN, LOGOUT, PROFILE, Browser, cookie
from tests.support.http import NEW_PASSWORD, Start, UnreachableStore, problem

PASSWORD_PAGE = "/api/v1/auth/password"
LOGOUT_ALL = "/api/v1/auth/logout-all"


def test_a_logout_ends_the_session_at_once(browser: Browser, api: Api) -> None:
    page = browser.log_in(path=f"{LOGIN}?next={PROFILE}")
    access, refresh = (cookie(browser, name).value for name in (ACCESS_COOKIE, REFRESH_COOKIE))
    page = browser.log_out(page)
    assert (page.path, page.status) == (PROFILE, 401)
    assert page.says_log_in
    assert api.profile(access).json()["code"] == "token_revoked"
    assert api.refresh(refresh).json()["code"] == "token_revoked"


def test_a_logout_deletes_the_cookies(browser: Browser) -> None:
    browser.log_out(browser.log_in())
    assert cookie(browser, ACCESS_COOKIE).value == ""
    assert cookie(browser, REFRESH_COOKIE).value == ""
    assert cookie(browser, REFRESH_COOKIE)["max-age"] == 0


def test_a_logout_without_a_session_is_none_the_worse(browser: Browser) -> None:
    fields = browser.open(LOGIN).form(LOGIN).fields
    assert browser.send(LOGOUT, fields).path == "/"


def test_a_logout_without_a_store_is_503_and_keeps_the_cookies(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    page = browser.log_in()
    start().accounts.store = UnreachableStore(clock)
    page = browser.log_out(page)
    assert page.status == 503
    assert cookie(browser, REFRESH_COOKIE).value != ""


def test_a_logout_is_asked_for_by_a_form(browser: Browser) -> None:
    page = browser.log_in(path=f"{LOGIN}?next={LOGOUT}")
    assert (page.path, page.status) == (LOGOUT, 405)
    assert browser.log_out(page).path == "/"


@pytest.mark.parametrize("path", [LOGIN, LOGOUT])
def test_a_form_without_its_csrf_token_is_refused(browser: Browser, path: str) -> None:
    browser.open(LOGIN)
    page = browser.send(path, {"email": EMAIL, "password": PASSWORD})
    assert page.status == 403
    assert "The form has expired" in page.text
    assert ACCESS_COOKIE not in browser.client.cookies


@pytest.mark.parametrize("path", [LOGIN, LOGOUT])
def test_a_form_from_another_origin_is_refused(browser: Browser, path: str) -> None:
    fields = {**browser.open(LOGIN).form(LOGIN).fields, "email": EMAIL, "password": PASSWORD}
    response = browser.client.post(path, fields, headers={"Origin": "http://localhost:3000"})
    assert response.status_code == 403
    assert ACCESS_COOKIE not in response.cookies
    assert EMAIL not in response.content.decode()


def test_the_pages_are_for_people(browser: Browser) -> None:
    headers = {"Accept": JSON}
    assert problem(browser.client.get(LOGIN, headers=headers)) == (406, "not_acceptable")
    assert problem(browser.client.post(LOGOUT, headers=headers)) == (406, "not_acceptable")


def test_the_login_page_takes_forms_alone(browser: Browser) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    assert browser.client.post(LOGIN, body, content_type=JSON).status_code == 415


def test_a_form_that_is_not_utf_8_is_refused(browser: Browser) -> None:
    form = "application/x-www-form-urlencoded"
    assert browser.client.post(LOGIN, b"email=%FF", content_type=form).status_code == 400


@pytest.mark.parametrize("path", [LOGIN, "/", PROFILE])
def test_nobody_frames_or_stores_a_page(browser: Browser, path: str) -> None:
    page = browser.open(path)
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [LOGIN, LOGOUT])
def test_nobody_stores_an_answer_that_sets_cookies(browser: Browser, path: str) -> None:
    fields = {**browser.open(LOGIN).form(LOGIN).fields, "email": EMAIL, "password": PASSWORD}
    assert browser.client.post(path, fields)["Cache-Control"] == "no-store"


def test_a_changed_password_keeps_its_browser_logged_in(browser: Browser, api: Api) -> None:
    browser.log_in()
    old = cookie(browser, ACCESS_COOKIE).value
    page = browser.fill(PASSWORD_PAGE, current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert page.status == 200
    assert page.says_log_out
    assert api.profile(old).status_code == 401
    page = browser.open(PROFILE)
    assert page.status == 200
    access = cookie(browser, ACCESS_COOKIE).value
    browser.log_out(page)
    assert api.profile(access).status_code == 401


def test_a_refused_password_changes_no_cookie(browser: Browser) -> None:
    browser.log_in()
    before = cookie(browser, ACCESS_COOKIE).value
    page = browser.fill(PASSWORD_PAGE, current_password="wrong", new_password=NEW_PASSWORD)
    assert (page.status, cookie(browser, ACCESS_COOKIE).value) == (400, before)
    assert page.says_log_out


def test_a_logout_everywhere_ends_and_forgets_the_browsers_session_too(
    browser: Browser, api: Api
) -> None:
    browser.log_in()
    access = cookie(browser, ACCESS_COOKIE).value
    page = browser.fill(LOGOUT_ALL)
    assert page.status == 200  # DRF's page of an answer without a body
    assert "HTTP 204" in page.text
    assert page.says_log_in
    assert cookie(browser, ACCESS_COOKIE).value == ""
    assert api.profile(access).status_code == 401


def test_an_endpoint_for_post_alone_shows_its_form_to_get(browser: Browser) -> None:
    page = browser.open("/api/v1/auth/register")
    assert page.status == 405
    assert page.form("/api/v1/auth/register", "email", "password")


@pytest.mark.parametrize(
    ("path", "link"), [(PROFILE, f"{LOGIN}?next={PROFILE}"), (PASSWORD_PAGE, LOGIN)]
)
def test_a_login_leads_back_to_what_can_be_opened(browser: Browser, path: str, link: str) -> None:
    assert f'href="{link}"' in browser.open(path).text.replace("'", '"')


@pytest.mark.parametrize("path", [PASSWORD_PAGE, LOGOUT_ALL])
def test_an_endpoint_with_a_token_shows_its_form_after_the_login(
    browser: Browser, path: str
) -> None:
    assert path not in [form.action for form in browser.open(path).forms()]
    page = browser.log_in(path=f"{LOGIN}?next={path}")
    assert (page.path, page.status) == (path, 405)
    assert page.form(path, "csrfmiddlewaretoken")


def test_an_expired_login_is_forgotten(browser: Browser, clock: MovableClock) -> None:
    browser.log_in()
    clock.advance(15 * 60)
    page = browser.open(PROFILE)
    assert page.status == 401
    assert page.says_log_in
    assert cookie(browser, ACCESS_COOKIE).value == ""


def test_a_login_whose_account_is_gone_is_forgotten(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    browser.log_in()
    start()
    assert browser.open("/").says_log_in
    assert cookie(browser, ACCESS_COOKIE).value == ""


@pytest.mark.parametrize("path", [PROFILE, "/api/v1/auth/register"])
def test_a_page_without_a_store_is_no_bug(
    browser: Browser, start: Start, clock: MovableClock, path: str
) -> None:
    browser.log_in()
    start().accounts.store = UnreachableStore(clock)
    page = browser.open(path)
    assert page.status == (503 if path == PROFILE else 405)
    assert page.says_log_in
    assert cookie(browser, ACCESS_COOKIE).value != ""


def test_a_page_for_a_bearer_without_a_store_is_no_bug(
    api: Api, start: Start, clock: MovableClock
) -> None:
    token = api.enter()["access_token"]
    start().accounts.store = UnreachableStore(clock)
    response = api.client.get(PROFILE, headers={**bearer(token), "Accept": ACCEPT})
    assert response.status_code == 503
    assert response["Content-Type"] == "text/html; charset=utf-8"
