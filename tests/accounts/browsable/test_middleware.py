"""The cookies after each response, and the security headers of pages."""

import re

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from accounts.browsable.middleware import CONTENT_SECURITY_POLICY
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.browser_client import LOGIN, LOGOUT, PROFILE, Browser, cookie
from tests.support.http import NEW_PASSWORD, Start

REGISTER = "/api/v1/auth/register"
LOGOUT_ALL = "/api/v1/auth/logout-all"
PASSWORD_PAGE = "/api/v1/auth/password"


@pytest.mark.parametrize("name", [ACCESS_COOKIE, REFRESH_COOKIE])
def test_cookies_are_http_only_and_same_site(browser: Browser, name: str) -> None:
    browser.log_in()
    assert cookie(browser, name)["httponly"] is True
    assert cookie(browser, name)["samesite"] == "Strict"
    assert cookie(browser, name)["domain"] == ""


def test_access_cookie_is_kept_after_its_token_has_expired(browser: Browser) -> None:
    browser.log_in()
    assert cookie(browser, ACCESS_COOKIE)["max-age"] == ""
    assert cookie(browser, REFRESH_COOKIE)["max-age"] == 15 * 60


def test_refresh_cookie_is_sent_only_to_logout(browser: Browser) -> None:
    browser.log_in()
    assert cookie(browser, ACCESS_COOKIE)["path"] == "/"
    assert cookie(browser, REFRESH_COOKIE)["path"] == "/browse/"


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_set_over_https_are_secure(browser: Browser, secure: bool) -> None:
    headers = {"Referer": "https://testserver/"}
    page = browser.client.get(LOGIN, secure=secure, headers=headers)
    fields = {
        "csrfmiddlewaretoken": page.context["csrf_token"],
        "email": EMAIL,
        "password": PASSWORD,
    }
    response = browser.client.post(LOGIN, fields, secure=secure, headers=headers)
    assert response.status_code == 302
    cookies = {**page.cookies, **response.cookies}
    assert cookies.keys() == {ACCESS_COOKIE, REFRESH_COOKIE, "browsable_csrf"}
    assert {bool(one["secure"]) for one in cookies.values()} == {secure}


def test_password_change_replaces_the_cookies(browser: Browser, api: Api) -> None:
    browser.log_in()
    old = cookie(browser, ACCESS_COOKIE).value
    page = browser.fill(PASSWORD_PAGE, current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert page.status == 200
    assert page.has_logout_form
    assert api.profile(old).status_code == 401
    page = browser.open(PROFILE)
    assert page.status == 200
    access = cookie(browser, ACCESS_COOKIE).value
    browser.log_out(page)
    assert api.profile(access).status_code == 401


def test_failed_password_change_keeps_the_cookies(browser: Browser) -> None:
    browser.log_in()
    before = cookie(browser, ACCESS_COOKIE).value
    page = browser.fill(PASSWORD_PAGE, current_password="wrong", new_password=NEW_PASSWORD)
    assert (page.status, cookie(browser, ACCESS_COOKIE).value) == (400, before)
    assert page.has_logout_form


def test_logout_all_deletes_the_cookies(browser: Browser, api: Api) -> None:
    browser.log_in()
    access = cookie(browser, ACCESS_COOKIE).value
    page = browser.fill(LOGOUT_ALL)
    assert page.status == 200  # DRF's page of an answer without a body
    assert "HTTP 204" in page.text
    assert page.has_login_link
    assert cookie(browser, ACCESS_COOKIE).value == ""
    assert api.profile(access).status_code == 401


def test_expired_cookie_is_deleted(browser: Browser, clock: MovableClock) -> None:
    browser.log_in()
    clock.advance(15 * 60)
    page = browser.open(PROFILE)
    assert page.status == 401
    assert page.has_login_link
    assert cookie(browser, ACCESS_COOKIE).value == ""


def test_cookie_of_deleted_account_is_deleted(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    browser.log_in()
    start()
    assert browser.open("/").has_login_link
    assert cookie(browser, ACCESS_COOKIE).value == ""


@pytest.mark.parametrize("path", ["/", REGISTER, PROFILE, LOGIN])
def test_page_runs_only_scripts_of_this_service(browser: Browser, path: str) -> None:
    page = browser.open(path)
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    scripts = re.findall(r"<script(?! type=\"application/json\")([^>]*)>", page.text)
    assert all('src="/static/' in script for script in scripts)
    assert not re.search(r"\son\w+=|javascript:", page.text)


def test_page_with_its_own_policy_keeps_it(browser: Browser) -> None:
    policy = browser.open("/docs").headers["Content-Security-Policy"]
    assert "form-action 'none'" in policy


@pytest.mark.parametrize("path", [LOGIN, "/", PROFILE])
def test_page_is_neither_framed_nor_stored(browser: Browser, path: str) -> None:
    page = browser.open(path)
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [LOGIN, LOGOUT])
def test_response_that_sets_cookies_is_not_stored(browser: Browser, path: str) -> None:
    fields = {**browser.open(LOGIN).form(LOGIN).fields, "email": EMAIL, "password": PASSWORD}
    assert browser.client.post(path, fields)["Cache-Control"] == "no-store"
