"""`REFRESH_TOKEN_SLIDING_LIFETIME`: a rotated session lives on while it is used, up to a bound."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.services import Services
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import Start, decode_claims, forge, get_error
from tests.support.sessions import EXPIRED, INVALID, LIFETIME, REUSED, REVOKED, rotate

DAY = 86_400
BOUND = 30 * DAY
SLIDING: dict[str, Any] = {
    "ROTATE_REFRESH_TOKENS": True,
    "REFRESH_TOKEN_SLIDING_LIFETIME": timedelta(days=30),
    "STORE_URL": "memory://",
}
Tokens = dict[str, Any]


@pytest.fixture
def api(start: Start, store_url: str) -> Api:
    """A client of a service whose sessions slide, with each store in turn."""
    start(**SLIDING | {"STORE_URL": store_url})
    return Api()


@pytest.fixture
def memory_api(start: Start) -> Api:
    start(**SLIDING)
    return Api()


def get_end(tokens: Tokens) -> int:
    return int(decode_claims(tokens["refresh_token"])["exp"])


def refresh(api: Api, tokens: Tokens) -> Tokens:
    [_, refreshed] = rotate(api, tokens, 1)
    return refreshed


def slide(api: Api, clock: MovableClock, tokens: Tokens, days: int) -> Tokens:
    """Refresh once a day, and then a day later."""
    for _ in range(days):
        clock.advance(DAY)
        tokens = refresh(api, tokens)
    return tokens


def test_rotation_gives_a_full_lifetime_up_to_the_bound(api: Api, clock: MovableClock) -> None:
    login = int(clock())
    tokens = api.register_and_log_in()
    assert get_end(tokens) == login + LIFETIME
    for day in range(1, 30):
        clock.advance(DAY)
        tokens = refresh(api, tokens)
        assert get_end(tokens) == login + min(day * DAY + LIFETIME, BOUND)
        assert decode_claims(tokens["refresh_token"])["auth_time"] == login
    clock.advance(DAY - 1)
    last = refresh(api, tokens)
    assert (get_end(last), last["expires_in"]) == (login + BOUND, 1)
    clock.advance(1)
    assert get_error(api.refresh(last["refresh_token"])) == EXPIRED
    assert get_error(api.profile(last["access_token"])) == EXPIRED


def test_session_that_is_not_used_ends_as_before(memory_api: Api, clock: MovableClock) -> None:
    tokens = slide(memory_api, clock, memory_api.register_and_log_in(), 3)
    clock.advance(LIFETIME)
    assert get_error(memory_api.refresh(tokens["refresh_token"])) == EXPIRED


def test_short_session_slides_by_its_own_lifetime(memory_api: Api, clock: MovableClock) -> None:
    memory_api.register()
    body = {"email": EMAIL, "password": PASSWORD, "remember_me": False}
    tokens = memory_api.post("auth/login", body).json()
    for _ in range(3):
        clock.advance(DAY / 2)
        tokens = refresh(memory_api, tokens)
        assert get_end(tokens) == int(clock()) + DAY


def test_retry_gets_the_same_token_and_end(api: Api, clock: MovableClock) -> None:
    tokens = api.register_and_log_in()
    clock.advance(DAY)
    rotated = refresh(api, tokens)
    clock.advance(9)
    assert refresh(api, tokens)["refresh_token"] == rotated["refresh_token"]
    clock.advance(1)
    assert get_error(api.refresh(tokens["refresh_token"])) == REUSED


def test_clock_set_back_never_shortens_a_session(memory_api: Api, clock: MovableClock) -> None:
    tokens = slide(memory_api, clock, memory_api.register_and_log_in(), 2)
    clock.advance(-DAY)
    assert get_end(refresh(memory_api, tokens)) == get_end(tokens)


@pytest.mark.parametrize("by", ["newest refresh token", "first refresh token", "access token"])
def test_logout_is_remembered_until_the_last_token_expires(
    api: Api, clock: MovableClock, by: str
) -> None:
    """The session has slid past the end of its first tokens."""
    first = api.register_and_log_in()
    newest = slide(api, clock, first, 8)
    token = {
        "newest refresh token": newest["refresh_token"],
        "first refresh token": first["refresh_token"],
        "access token": first["access_token"],
    }[by]
    assert api.logout(token).status_code == 204
    clock.advance(LIFETIME - 2)
    api.logout(api.login().json()["refresh_token"])  # a store deletes expired sessions at a change
    assert get_error(api.refresh(newest["refresh_token"])) == REVOKED
    clock.advance(1)
    assert get_error(api.refresh(newest["refresh_token"])) == REVOKED


def test_logout_of_an_untouched_session_by_access_token_is_remembered(
    memory_api: Api, clock: MovableClock
) -> None:
    tokens = memory_api.register_and_log_in()
    memory_api.logout(tokens["access_token"])
    clock.advance(LIFETIME - 1)
    memory_api.logout(memory_api.login().json()["refresh_token"])
    assert get_error(memory_api.refresh(tokens["refresh_token"])) == REVOKED


def test_theft_is_remembered_until_the_last_token_expires(
    memory_api: Api, clock: MovableClock
) -> None:
    first = memory_api.register_and_log_in()
    stolen = slide(memory_api, clock, first, 5)
    newest = slide(memory_api, clock, stolen, 2)
    assert get_error(memory_api.refresh(stolen["refresh_token"])) == REUSED
    clock.advance(LIFETIME - 1)
    memory_api.logout(memory_api.login().json()["refresh_token"])
    assert get_error(memory_api.refresh(newest["refresh_token"])) == REVOKED


def test_session_from_before_does_not_slide(start: Start, clock: MovableClock) -> None:
    service: Services = start(ROTATE_REFRESH_TOKENS=True)
    api = Api()
    tokens = api.register_and_log_in()
    assert "auth_time" not in decode_claims(tokens["refresh_token"])
    start(**SLIDING).accounts.store = service.accounts.store
    assert get_end(slide(api, clock, tokens, 2)) == get_end(tokens)


def test_session_stops_sliding_when_it_is_disabled(start: Start, clock: MovableClock) -> None:
    service: Services = start(**SLIDING)
    api = Api()
    tokens = slide(api, clock, api.register_and_log_in(), 2)
    start(REFRESH_TOKEN_SLIDING_LIFETIME=None).accounts.store = service.accounts.store
    assert get_end(slide(api, clock, tokens, 2)) == get_end(tokens)


@pytest.mark.parametrize("value", ["1", 1.5, -1, None, True, 10**12])
def test_token_with_a_malformed_auth_time_is_invalid(memory_api: Api, value: Any) -> None:
    tokens = memory_api.register_and_log_in()
    forged = forge(tokens["refresh_token"], auth_time=value)
    assert get_error(memory_api.refresh(forged)) == INVALID


def test_tracked_session_is_listed_while_it_slides(
    start: Start, store_url: str, clock: MovableClock
) -> None:
    start(**SLIDING | {"STORE_URL": store_url, "TRACK_SESSIONS": True})
    api = Api()
    tokens = slide(api, clock, api.register_and_log_in(), 10)
    other = api.login().json()
    listed = api.get("auth/sessions", token=other["access_token"]).json()["sessions"]
    ids = [decode_claims(one["access_token"])["sid"] for one in (other, tokens)]
    assert [one["id"] for one in listed] == ids
    clock.advance(LIFETIME - 1)
    refresh(api, tokens)
