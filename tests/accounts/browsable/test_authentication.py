"""What the cookie of the browsable API authenticates, and CSRF protection."""

from typing import Any

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from accounts.domain.users import User
from accounts.stores.memory import MemoryStore
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock, build_auth_headers
from tests.support.browser_client import LOGIN, PROFILE, Browser
from tests.support.http import NEW_PASSWORD, Start, UnreachableStore, get_error

PASSWORD_ENDPOINT = "/api/v1/auth/password"
LOGOUT_ALL = "/api/v1/auth/logout-all"
CHANGE = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}


@pytest.fixture
def browser(api: Api) -> Browser:
    """A browser that is logged in."""
    api.register()
    browser = Browser()
    browser.log_in()
    return browser


def get_csrf_token(browser: Browser) -> str:
    return browser.open(LOGIN).form(LOGIN).fields["csrfmiddlewaretoken"]


def change_password(browser: Browser, **headers: str) -> Any:
    return browser.client.post(PASSWORD_ENDPOINT, CHANGE, content_type=JSON, headers=headers)


def test_cookie_authenticates(browser: Browser) -> None:
    assert browser.client.get(PROFILE).json()["email"] == EMAIL


def test_cookie_without_csrf_token_changes_nothing(browser: Browser, api: Api) -> None:
    assert get_error(change_password(browser)) == (403, "csrf_failed")
    assert get_error(browser.client.post(LOGOUT_ALL, content_type=JSON)) == (403, "csrf_failed")
    assert api.login().status_code == 200
    assert browser.client.get(PROFILE).status_code == 200


def test_csrf_token_of_another_browser_is_rejected(browser: Browser) -> None:
    headers = {"X-CSRFToken": get_csrf_token(Browser())}
    assert get_error(change_password(browser, **headers)) == (403, "csrf_failed")


def test_cookie_from_another_origin_changes_nothing(browser: Browser) -> None:
    headers = {"X-CSRFToken": get_csrf_token(browser), "Origin": "http://localhost:3000"}
    assert get_error(change_password(browser, **headers)) == (403, "csrf_failed")


def test_another_origin_cannot_read_responses(browser: Browser) -> None:
    response = browser.client.get(PROFILE, headers={"Origin": "http://localhost:3000"})
    assert "Access-Control-Allow-Credentials" not in response


def test_wrong_csrf_token_is_shown_on_the_page(browser: Browser) -> None:
    page = browser.send(LOGOUT_ALL, {"csrfmiddlewaretoken": "x" * 64})
    assert page.status == 403
    assert "csrf_failed" in page.text


def test_csrf_token_in_header_is_accepted(browser: Browser, api: Api) -> None:
    headers = {"X-CSRFToken": get_csrf_token(browser)}
    body = change_password(browser, **headers).json()
    assert browser.client.cookies[ACCESS_COOKIE].value == body["access_token"]
    assert browser.client.cookies[REFRESH_COOKIE].value == body["refresh_token"]
    assert api.login(password=NEW_PASSWORD).status_code == 200


def test_authorization_header_has_priority(browser: Browser, api: Api) -> None:
    other = api.register_and_log_in("other@example.com")["access_token"]
    response = browser.client.get(PROFILE, headers=build_auth_headers(other))
    assert response.json()["email"] == "other@example.com"


@pytest.mark.parametrize(
    ("header", "code"),
    [("Bearer bad", "token_invalid"), ("Basic dTpw", "not_authenticated"), ("", "token_invalid")],
)
def test_bad_authorization_header_has_priority(browser: Browser, header: str, code: str) -> None:
    response = browser.client.get(PROFILE, headers={"Authorization": header})
    assert get_error(response) == (401, code)


def test_authorization_header_needs_no_csrf_token(browser: Browser, api: Api) -> None:
    token = api.login().json()["access_token"]
    response = change_password(browser, **build_auth_headers(token))
    assert response.status_code == 200
    assert not response.cookies


def test_public_endpoint_needs_no_csrf_token(browser: Browser) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    response = browser.client.post("/api/v1/auth/login", body, content_type=JSON)
    assert response.status_code == 200
    assert not response.cookies


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é"])
def test_malformed_cookie_is_ignored_and_deleted(api: Api, token: str) -> None:
    api.client.cookies[ACCESS_COOKIE] = token
    response = api.profile(None)
    assert get_error(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.cookies[ACCESS_COOKIE]["max-age"] == 0
    assert response.cookies[REFRESH_COOKIE]["max-age"] == 0


def test_refresh_token_in_access_cookie_is_ignored(api: Api) -> None:
    api.client.cookies[ACCESS_COOKIE] = api.register_and_log_in()["refresh_token"]
    assert get_error(api.profile(None)) == (401, "not_authenticated")


def test_expired_cookie_is_ignored(browser: Browser, clock: MovableClock) -> None:
    clock.advance(15 * 60)
    assert get_error(browser.client.get(PROFILE)) == (401, "not_authenticated")


def test_cookie_of_revoked_session_is_ignored(browser: Browser, api: Api) -> None:
    api.logout(browser.client.cookies[REFRESH_COOKIE].value)
    assert get_error(browser.client.get(PROFILE)) == (401, "not_authenticated")


def test_valid_cookie_is_not_set_again(browser: Browser) -> None:
    assert not browser.client.get(PROFILE).cookies


def test_unreachable_store_is_503_and_keeps_the_cookie(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    start().accounts.store = UnreachableStore(clock)
    response = browser.client.get(PROFILE)
    assert get_error(response) == (503, "store_unavailable")
    assert not response.cookies


class FailingAfterUpdateStore(MemoryStore):
    """A store whose connection breaks after a user was changed."""

    def update_user(self, *args: Any) -> User:
        changed = super().update_user(*args)
        self.get_user_and_session = UnreachableStore.get_user_and_session.__get__(self)  # type: ignore[method-assign]  # fails from here on
        return changed


def test_store_failing_after_logout_all_is_no_error(
    api: Api, start: Start, clock: MovableClock
) -> None:
    start().accounts.store = FailingAfterUpdateStore(clock)
    api.register()
    browser = Browser()
    browser.log_in()
    headers = {"X-CSRFToken": get_csrf_token(browser)}
    assert browser.client.post(LOGOUT_ALL, content_type=JSON, headers=headers).status_code == 204


@pytest.mark.parametrize("accept", [JSON, "*/*"])
def test_response_without_cookie_sets_none(api: Api, accept: str) -> None:
    for path in ("/", PROFILE, PASSWORD_ENDPOINT):
        response = api.client.get(path, headers={"Accept": accept})
        assert not response.cookies
        assert "Cookie" not in response.get("Vary", "")
