"""`remember_me` at login, and `REFRESH_TOKEN_SHORT_LIFETIME`."""

import re
from datetime import timedelta
from typing import Any

import pytest

from accounts.browsable.cookies import REFRESH_COOKIE
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock, get_field_codes
from tests.support.browser_client import Browser
from tests.support.front_end import PROGRAM_HEADERS, FrontEnd
from tests.support.http import Start, decode_claims, forge, get_error
from tests.support.sessions import EXPIRED, INVALID, LIFETIME, change_password, rotate

CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
DAY = 86_400
CHECKED_RE = re.compile(r'name="remember_me" type="checkbox" value="true"\s+checked')
OMITTED: dict[str, Any] = {}


def log_in(api: Api, **body: Any) -> dict[str, Any]:
    api.register()
    response = api.post("auth/login", {**CREDENTIALS, **body})
    assert response.status_code == 200, response.json()
    tokens: dict[str, Any] = response.json()
    return tokens


def get_lifetime(token: str) -> int:
    claims = decode_claims(token)
    return int(claims["exp"] - claims["iat"])


@pytest.mark.parametrize("body", [OMITTED, {"remember_me": True}])
def test_remembered_session_lasts_as_before(api: Api, body: dict[str, Any]) -> None:
    tokens = log_in(api, **body)
    assert get_lifetime(tokens["refresh_token"]) == LIFETIME
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert "remember" not in decode_claims(token)


def test_session_that_is_not_remembered_lasts_a_day(api: Api, clock: MovableClock) -> None:
    tokens = log_in(api, remember_me=False)
    assert get_lifetime(tokens["refresh_token"]) == DAY
    clock.advance(DAY - 1)
    access = api.refresh(tokens["refresh_token"]).json()
    assert access["expires_in"] == 1
    clock.advance(1)
    assert get_error(api.refresh(tokens["refresh_token"])) == EXPIRED
    assert get_error(api.profile(access["access_token"])) == EXPIRED


def test_short_lifetime_is_a_setting_and_never_longer_than_the_other(start: Start) -> None:
    start(REFRESH_TOKEN_SHORT_LIFETIME=timedelta(hours=2))
    assert get_lifetime(log_in(Api(), remember_me=False)["refresh_token"]) == 7200
    start(REFRESH_TOKEN_LIFETIME=timedelta(hours=1))
    assert get_lifetime(log_in(Api(), remember_me=False)["refresh_token"]) == 3600


def test_rotation_keeps_a_session_short(start: Start, clock: MovableClock) -> None:
    start(ROTATE_REFRESH_TOKENS=True)
    api = Api()
    first = log_in(api, remember_me=False)
    clock.advance(60)
    _, *rotated = rotate(api, first, 2)
    for tokens in rotated:
        claims = decode_claims(tokens["refresh_token"])
        assert claims["exp"] == decode_claims(first["refresh_token"])["exp"]
        assert claims["remember"] is False


@pytest.mark.parametrize(("remember", "lifetime"), [(True, LIFETIME), (False, DAY)])
def test_session_after_a_password_change_is_as_long(
    api: Api, remember: bool, lifetime: int
) -> None:
    first = log_in(api, remember_me=remember)
    refreshed = api.refresh(first["refresh_token"]).json()
    changed = change_password(api, refreshed["access_token"]).json()
    assert get_lifetime(changed["refresh_token"]) == lifetime


@pytest.mark.parametrize("value", ["false", "", 0, 1, 0.0, [], {}])
def test_remember_me_of_another_type_is_422(api: Api, value: Any) -> None:
    api.register()
    response = api.post("auth/login", {**CREDENTIALS, "remember_me": value})
    assert get_error(response) == (422, "unprocessable")
    assert get_field_codes(response) == {"remember_me": ["wrong_type"]}


def test_remember_me_null_is_422(api: Api) -> None:
    api.register()
    response = api.post("auth/login", {**CREDENTIALS, "remember_me": None})
    assert get_field_codes(response) == {"remember_me": ["null"]}


@pytest.mark.parametrize("value", ["false", 0, None, []])
def test_token_with_a_claim_of_another_type_is_invalid(api: Api, value: Any) -> None:
    tokens = log_in(api)
    assert get_error(api.refresh(forge(tokens["refresh_token"], remember=value))) == INVALID
    assert get_error(api.profile(forge(tokens["access_token"], remember=value))) == INVALID


@pytest.mark.parametrize("remember", [True, False])
def test_cookie_of_a_session_that_is_not_remembered_ends_with_the_browser(
    start: Start, remember: bool
) -> None:
    start(REFRESH_TOKEN_COOKIE=True, ROTATE_REFRESH_TOKENS=True)
    front_end = FrontEnd(PROGRAM_HEADERS)
    log_in(front_end, remember_me=remember)
    for _ in range(2):
        assert (front_end.cookie["max-age"] == "") == (not remember)
        front_end.refresh_by_cookie()


@pytest.mark.parametrize(("checkbox", "lifetime"), [({"remember_me": "true"}, LIFETIME), ({}, DAY)])
def test_page_has_a_checked_checkbox(
    browser: Browser, checkbox: dict[str, str], lifetime: int
) -> None:
    page = browser.open("/api/v1/auth/login").text
    assert CHECKED_RE.search(page)
    text = browser.send("/api/v1/auth/login", {**CREDENTIALS, **checkbox}).text
    match = re.search(r"refresh_token.*?(eyJ[\w.-]+)", text, re.DOTALL)
    assert match is not None
    assert get_lifetime(match[1]) == lifetime


def test_page_keeps_the_checkbox_after_an_error(browser: Browser) -> None:
    sent = {"email": EMAIL, "password": "wrong password", "remember_me": "true"}
    page = browser.send("/api/v1/auth/login", sent).text
    assert CHECKED_RE.search(page)


def test_page_log_in_is_remembered(browser: Browser) -> None:
    browser.log_in()
    assert get_lifetime(browser.client.cookies[REFRESH_COOKIE].value) == LIFETIME
