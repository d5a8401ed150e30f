"""The refresh token in a cookie (`REFRESH_TOKEN_COOKIE`), over HTTP.

docs/security.md names these tests in its table of attacks.
"""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.urls import include, path
from pytest_django import Settings

from accounts.browsable.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock
from tests.support.browser_client import LOGIN, PROFILE, Browser
from tests.support.front_end import HEADERS, NAME, ORIGIN, PROGRAM_HEADERS, FrontEnd
from tests.support.http import (
    FORM,
    NEW_PASSWORD,
    Start,
    UnreachableStore,
    decode_claims,
    get_error,
    send,
)
from tests.support.sessions import EXPIRED, LIFETIME, REUSED, REVOKED

CSRF_FAILED = (403, "csrf_failed")
PASSWORD_PAGE = "/api/v1/auth/password"
LOCAL = {**HEADERS, "Host": "localhost:8000", "Origin": "http://localhost:3000"}

urlpatterns = [path("über/account/", include("accounts.urls"))]


@pytest.fixture
def start_cookie(start: Start, settings: Settings) -> Start:
    """Start the service with the cookie, for the origin of `FrontEnd`."""

    def start_cookie(**changed: Any) -> Any:
        settings.CSRF_TRUSTED_ORIGINS = [ORIGIN]
        return start(REFRESH_TOKEN_COOKIE=True, **changed)

    return start_cookie


@pytest.fixture
def front_end(start_cookie: Start) -> FrontEnd:
    start_cookie()
    return FrontEnd()


@pytest.fixture
def rotating(start_cookie: Start) -> FrontEnd:
    start_cookie(ROTATE_REFRESH_TOKENS=True)
    return FrontEnd()


# Off


def test_option_off_sets_no_cookie(api: Api) -> None:
    api.register()
    response = api.login()
    assert "refresh_token" in response.json()
    assert response.cookies == {}


def test_option_off_ignores_the_cookie(api: Api) -> None:
    api.client.cookies[NAME] = api.register_and_log_in()["refresh_token"]
    assert get_error(FrontEnd.refresh_by_cookie(FrontEnd())) == (422, "unprocessable")
    response = api.client.post("/api/v1/auth/refresh", headers=HEADERS, content_type=JSON)
    assert get_error(response) == (422, "unprocessable")


# The cookie


def test_login_sets_cookie_instead_of_body(front_end: FrontEnd) -> None:
    front_end.register()
    response = front_end.login()
    assert response.json().keys() == {"access_token", "token_type", "expires_in"}
    assert decode_claims(front_end.token)["type"] == "refresh"
    assert response["Cache-Control"] == "no-store"


def test_cookie_has_strict_attributes(front_end: FrontEnd) -> None:
    front_end.log_in()
    cookie = {name: value for name, value in front_end.cookie.items() if value}
    cookie.pop("expires")
    assert cookie == {
        "httponly": True,
        "secure": True,
        "samesite": "Strict",
        "path": "/api/v1/auth/",
        "max-age": LIFETIME,
    }


def test_samesite_is_a_setting(start_cookie: Start) -> None:
    start_cookie(REFRESH_TOKEN_COOKIE_SAMESITE="Lax")
    front_end = FrontEnd()
    front_end.log_in()
    assert front_end.cookie["samesite"] == "Lax"
    assert front_end.log_out_by_cookie().cookies[NAME]["samesite"] == "Lax"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "api.localhost"])
@pytest.mark.parametrize("origin", [True, False])
def test_cookie_on_this_machine_is_not_secure(
    start_cookie: Start, settings: Settings, host: str, *, origin: bool
) -> None:
    start_cookie()
    settings.ALLOWED_HOSTS = ["*"]
    settings.CSRF_TRUSTED_ORIGINS = [LOCAL["Origin"]]
    front_end = FrontEnd({**LOCAL, "Host": host})
    if not origin:
        front_end.headers = {**HEADERS, "Host": host, "Origin": f"http://{host}"}
    front_end.log_in()
    cookie = front_end.client.cookies["refresh_token"]
    assert not cookie["secure"]
    assert cookie["httponly"]
    assert front_end.refresh_by_cookie().status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:8000", "Origin": ORIGIN},  # a proxy that sends its own Host
        {"Host": "auth.example.com", "Origin": "http://localhost:3000"},
        {"Host": "localhost.example.com", "Origin": "http://localhost:3000"},
    ],
)
def test_cookie_of_a_proxied_service_is_secure(
    start_cookie: Start, settings: Settings, headers: dict[str, str]
) -> None:
    start_cookie()
    settings.ALLOWED_HOSTS = ["*"]
    settings.CSRF_TRUSTED_ORIGINS = [headers["Origin"]]
    front_end = FrontEnd({**HEADERS, **headers})
    front_end.log_in()
    assert front_end.cookie["secure"]


def test_cookie_over_https_is_secure(front_end: FrontEnd) -> None:
    front_end.register()
    front_end.headers = {**HEADERS, "Host": "localhost", "Origin": "https://localhost"}
    response = front_end.post("auth/login", {"email": EMAIL, "password": PASSWORD}, secure=True)
    assert response.cookies[NAME]["secure"]


@override_settings(ROOT_URLCONF=__name__)
def test_cookie_path_is_where_the_project_mounts_the_urls(front_end: FrontEnd) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    account = "/über/account"
    front_end.client.post(f"{account}/auth/register", body, JSON)
    response = front_end.client.post(f"{account}/auth/login", body, JSON, headers=HEADERS)
    assert response.cookies[NAME]["path"] == "/%C3%BCber/account/auth/"


def test_cookie_path_has_the_url_prefix(front_end: FrontEnd) -> None:
    front_end.register()
    response = front_end.post(
        "auth/login", {"email": EMAIL, "password": PASSWORD}, SCRIPT_NAME="/accounts"
    )
    assert response.cookies[NAME]["path"] == "/accounts/api/v1/auth/"


# Refresh and logout


def test_refresh_takes_token_from_cookie(front_end: FrontEnd) -> None:
    front_end.log_in()
    response = front_end.refresh_by_cookie()
    assert response.json().keys() == {"access_token", "token_type", "expires_in"}
    assert response.cookies == {}
    assert front_end.profile(response.json()["access_token"]).status_code == 200


def test_rotation_sets_the_next_cookie(rotating: FrontEnd, clock: MovableClock) -> None:
    rotating.log_in()
    first = rotating.token
    clock.advance(1000)
    response = rotating.refresh_by_cookie()
    assert "refresh_token" not in response.json()
    assert decode_claims(rotating.token)["gen"] == 1
    assert rotating.token != first
    assert rotating.cookie["max-age"] == LIFETIME - 1000


def test_sliding_session_keeps_its_cookie_longer(start_cookie: Start, clock: MovableClock) -> None:
    start_cookie(ROTATE_REFRESH_TOKENS=True, REFRESH_TOKEN_SLIDING_LIFETIME=timedelta(days=30))
    front_end = FrontEnd()
    front_end.log_in()
    clock.advance(86_400)
    front_end.refresh_by_cookie()
    assert front_end.cookie["max-age"] == LIFETIME


def test_retry_within_grace_gets_the_same_cookie(rotating: FrontEnd) -> None:
    rotating.log_in()
    first = rotating.token
    rotating.refresh_by_cookie()
    second = rotating.token
    rotating.client.cookies[NAME] = first
    assert rotating.refresh_by_cookie().status_code == 200
    assert rotating.token == second


def test_stolen_cookie_ends_the_session(rotating: FrontEnd, clock: MovableClock) -> None:
    rotating.log_in()
    thief = FrontEnd()
    thief.client.cookies[NAME] = rotating.token
    assert thief.refresh_by_cookie().status_code == 200
    clock.advance(11)
    assert get_error(rotating.refresh_by_cookie()) == REUSED
    assert get_error(thief.refresh_by_cookie()) == REVOKED
    assert rotating.token == thief.token == ""


def test_refresh_that_fails_for_good_deletes_the_cookie(
    front_end: FrontEnd, clock: MovableClock
) -> None:
    front_end.log_in()
    clock.advance(LIFETIME)
    response = front_end.refresh_by_cookie()
    assert get_error(response) == EXPIRED
    cookie = response.cookies[NAME]
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", 0, "/api/v1/auth/")
    assert cookie["secure"]
    assert get_error(front_end.refresh_by_cookie()) == (422, "unprocessable")


def test_refresh_that_can_be_repeated_keeps_the_cookie(
    start_cookie: Start, clock: MovableClock
) -> None:
    services = start_cookie()
    front_end = FrontEnd()
    front_end.log_in()
    services.accounts.store = UnreachableStore(clock)
    response = front_end.refresh_by_cookie()
    assert get_error(response) == (503, "store_unavailable")
    assert response.cookies == {}


def test_refresh_without_any_token_is_unprocessable(front_end: FrontEnd) -> None:
    assert get_error(front_end.refresh_by_cookie()) == (422, "unprocessable")
    assert get_error(front_end.log_out_by_cookie()) == (422, "unprocessable")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b'{"refresh_token": null}'])
def test_malformed_body_is_unprocessable_despite_cookie(front_end: FrontEnd, body: bytes) -> None:
    front_end.log_in()
    response = send(front_end, "/api/v1/auth/refresh", body, headers=HEADERS)
    assert get_error(response) == (422, "unprocessable")


def test_empty_object_counts_as_no_body(front_end: FrontEnd) -> None:
    front_end.log_in()
    assert front_end.post("auth/refresh", {}).status_code == 200


def test_token_in_body_has_precedence_over_cookie(rotating: FrontEnd) -> None:
    rotating.log_in("other@example.com")
    token = rotating.token
    rotating.log_in()
    mine = rotating.token
    response = rotating.refresh(token)
    assert decode_claims(response.json()["refresh_token"])["sub"] == "other@example.com"
    assert response.cookies == {}
    assert get_error(rotating.refresh("no token")) == (401, "token_invalid")
    assert rotating.logout("no token").cookies == {}
    assert rotating.token == mine


def test_logout_ends_the_session_and_deletes_the_cookie(front_end: FrontEnd) -> None:
    access = front_end.log_in()
    token = front_end.token
    response = front_end.log_out_by_cookie()
    assert response.status_code == 204
    assert (response.cookies[NAME].value, response.cookies[NAME]["max-age"]) == ("", 0)
    assert get_error(front_end.profile(access)) == REVOKED
    assert get_error(front_end.refresh(token)) == REVOKED


def test_logout_of_an_ended_session_deletes_the_cookie(front_end: FrontEnd) -> None:
    access = front_end.log_in()
    front_end.logout(access)
    assert front_end.token
    assert front_end.log_out_by_cookie().status_code == 204
    assert front_end.token == ""


def test_password_change_replaces_the_cookie(front_end: FrontEnd) -> None:
    access = front_end.log_in()
    old = front_end.token
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    response = front_end.post("auth/password", change, token=access)
    assert "refresh_token" not in response.json()
    assert get_error(front_end.refresh(old)) == REVOKED
    assert front_end.refresh_by_cookie().status_code == 200


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [("auth/logout-all", None), ("auth/delete-account", {"current_password": PASSWORD})],
)
def test_end_of_all_sessions_deletes_the_cookie(
    front_end: FrontEnd, endpoint: str, body: Any
) -> None:
    access = front_end.log_in()
    assert front_end.post(endpoint, body, token=access).status_code == 204
    assert front_end.token == ""


# The browsable API


@pytest.fixture
def browser(front_end: FrontEnd) -> Browser:
    """A browser of pages, after a user was registered. The service uses the cookie."""
    front_end.register()
    return Browser()


def test_login_page_keeps_its_own_cookies(browser: Browser, front_end: FrontEnd) -> None:
    browser.log_in()
    page = browser.fill(PASSWORD_PAGE, current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert (page.status, page.has_logout_form) == (200, True)
    assert "&quot;refresh_token&quot;" in page.text
    browser.log_out(browser.open(PROFILE))
    assert browser.client.cookies.keys() == {ACCESS_COOKIE, REFRESH_COOKIE, "browsable_csrf"}


def test_page_of_endpoint_shows_and_takes_tokens(browser: Browser) -> None:
    path = "/api/v1/auth/login"
    page = browser.fill(path, email=EMAIL, password=PASSWORD)
    [token] = re.findall(r"refresh_token&quot;: &quot;([^&]+)&quot;", page.text)
    for endpoint in ("refresh", "logout"):
        page = browser.fill(f"/api/v1/auth/{endpoint}", refresh_token=token)
        assert page.status in {200, 204}
    assert browser.client.cookies.keys() == {"browsable_csrf"}


def test_script_of_a_page_replaces_both_logins(browser: Browser, front_end: FrontEnd) -> None:
    browser.log_in()
    csrf_token = browser.open(LOGIN).form(LOGIN).fields["csrfmiddlewaretoken"]
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    headers = {"X-CSRFToken": csrf_token}
    response = browser.client.post(PASSWORD_PAGE, change, JSON, headers=headers)
    assert "refresh_token" not in response.json()
    assert response.cookies[REFRESH_COOKIE].value == response.cookies[NAME].value
    assert browser.client.get(PROFILE).status_code == 200


# Requests of others


WITHOUT_HEADER = {"Origin": ORIGIN}
FOREIGN: list[dict[str, str]] = [
    WITHOUT_HEADER,
    {**HEADERS, "X-Requested-With": "com.example.app"},  # Android's WebView, for forms too
    {**HEADERS, "Origin": "https://evil.example"},
    {**HEADERS, "Origin": "https://app.example.com.evil.example"},
    {**HEADERS, "Origin": "http://app.example.com"},
    {**HEADERS, "Origin": "https://sub.app.example.com"},
    {**HEADERS, "Origin": "null"},
    {**HEADERS, "Origin": ""},
    {**HEADERS, "Origin": "https://[::1"},
    {**PROGRAM_HEADERS, "Sec-Fetch-Site": "cross-site"},
    {**PROGRAM_HEADERS, "Sec-Fetch-Site": "same-site"},
    {},
]
foreign = pytest.mark.parametrize("headers", FOREIGN, ids=str)


@foreign
def test_forged_refresh_changes_nothing(rotating: FrontEnd, headers: dict[str, str]) -> None:
    rotating.log_in()
    before = rotating.token
    rotating.headers = headers
    response = rotating.refresh_by_cookie()
    assert get_error(response) == CSRF_FAILED
    assert response.cookies == {}
    rotating.headers = HEADERS
    assert rotating.refresh_by_cookie().status_code == 200
    assert decode_claims(rotating.token)["gen"] == decode_claims(before)["gen"] + 1


@foreign
def test_forged_logout_changes_nothing(front_end: FrontEnd, headers: dict[str, str]) -> None:
    access = front_end.log_in()
    front_end.headers = headers
    assert get_error(front_end.log_out_by_cookie()) == CSRF_FAILED
    assert front_end.token
    assert front_end.profile(access).status_code == 200


@foreign
def test_forged_login_sets_no_cookie(front_end: FrontEnd, headers: dict[str, str]) -> None:
    front_end.register()
    front_end.headers = headers
    response = front_end.login()
    assert get_error(response) == CSRF_FAILED
    assert response.cookies == {}


@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data; boundary=x", "text/plain"])
@pytest.mark.parametrize("accept", ["text/html", JSON])
def test_form_sets_and_uses_no_cookie(front_end: FrontEnd, content_type: str, accept: str) -> None:
    front_end.log_in()
    before = front_end.token
    for endpoint in ("login", "refresh", "logout"):
        body = f"email={EMAIL}&password={PASSWORD.replace(' ', '+')}".encode()
        headers = {"Accept": accept, "Origin": "https://evil.example"}
        path = f"/api/v1/auth/{endpoint}"
        response = send(front_end, path, body, content_type, headers=headers)
        assert response.cookies.keys() <= {"browsable_csrf"}
    assert front_end.token == before
    assert front_end.refresh_by_cookie().status_code == 200


def test_own_origin_is_trusted(front_end: FrontEnd) -> None:
    front_end.headers = {**HEADERS, "Origin": "http://testserver"}
    front_end.log_in()
    assert front_end.refresh_by_cookie().status_code == 200


def test_wildcard_of_trusted_origins_is_not_used(front_end: FrontEnd, settings: Settings) -> None:
    front_end.log_in()
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.com"]
    assert get_error(front_end.refresh_by_cookie()) == CSRF_FAILED


@pytest.mark.parametrize("fetch_site", [None, "same-origin"])
def test_program_without_origin_is_accepted(front_end: FrontEnd, fetch_site: str | None) -> None:
    site = {"Sec-Fetch-Site": fetch_site} if fetch_site else {}
    front_end.headers = {**PROGRAM_HEADERS, **site}
    front_end.log_in()
    assert front_end.refresh_by_cookie().status_code == 200


def test_cookie_that_is_sent_twice_is_not_used(front_end: FrontEnd) -> None:
    front_end.log_in()
    mine = front_end.token
    front_end.log_in("attacker@example.com")
    cookies = f"{NAME}={mine}; other=1; {NAME}={front_end.token}"
    response = FrontEnd().post("auth/refresh", HTTP_COOKIE=cookies)
    assert get_error(response) == CSRF_FAILED


@pytest.mark.parametrize("name", ["refresh_token", "__secure-refresh_token"])
def test_cookie_without_its_prefix_is_not_used(front_end: FrontEnd, name: str) -> None:
    front_end.log_in()
    response = FrontEnd().post("auth/refresh", HTTP_COOKIE=f"{name}={front_end.token}")
    assert get_error(response) == (422, "unprocessable")
