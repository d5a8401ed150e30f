"""Why tokens were refused, what counts as an operation, and how the service itself is."""

from typing import Any

import pytest

from accounts.viewsets import AuthViewSet
from authproject.monitoring import metrics
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.browser_client import Browser
from tests.support.http import Start, decode_claims, decode_header, forge, sign
from tests.support.metrics import Counts, read, scrape


@pytest.fixture
def counts(api: Api) -> Counts:
    return Counts(lambda: scrape(api))


def refused(counts: Counts) -> dict[str, float]:
    reasons = {error.reason for error in metrics.TOKEN_ERRORS}
    counted = {reason: counts("auth_tokens_refused_total", reason=reason) for reason in reasons}
    return {reason: count for reason, count in counted.items() if count}


def test_a_refused_token_is_counted_by_why(api: Api, counts: Counts, clock: MovableClock) -> None:
    tokens = api.register_and_log_in()
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    api.profile("no token")
    api.profile(forge(access, {"kid": "0" * 16}))
    api.profile(sign(decode_header(access), decode_claims(access), key="x" * 32))
    api.profile(refresh)
    api.refresh(access)
    api.logout(refresh)
    api.profile(access)
    clock.advance(901)
    api.profile(access)
    assert refused(counts) == {
        "malformed": 1,
        "unknown_key": 1,
        "bad_signature": 1,
        "wrong_type": 2,
        "revoked": 1,
        "expired": 1,
    }


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "google-key-1"},
        {"kid": "0" * 17},
        {"kid": "0123456789abcde\n"},
        {"kid": 16},
        {"alg": "RS256", "kid": "0" * 16},
        {"alg": ["HS256"], "kid": "0" * 16},
    ],
)
def test_what_no_key_of_ours_can_have_signed_is_malformed(
    api: Api, counts: Counts, header: dict[str, Any]
) -> None:
    response = api.profile(forge(api.register_and_log_in()["access_token"], header))
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")
    assert refused(counts) == {"malformed": 1}


def test_a_request_without_a_token_refuses_none(api: Api, counts: Counts) -> None:
    api.profile(None)
    assert refused(counts) == {}


def test_theft_is_counted(api: Api, counts: Counts, start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    spent = api.register_and_log_in()["refresh_token"]
    api.refresh(spent)
    api.refresh(spent)
    assert refused(counts) == {"reused": 1}
    assert counts.outcome("refresh", "token_reused") == 1


def test_every_action_below_auth_is_an_operation() -> None:
    found: list[Any] = AuthViewSet.get_extra_actions()
    actions = {action.url_path: action.__name__ for action in found}
    paths = {f"/api/v1/auth/{path}": name for path, name in actions.items()}
    pages = {"/browse/login": "login", "/browse/logout": "logout"}
    assert metrics.get_operations() == paths | pages


def test_a_person_who_logs_in_and_out_by_clicking_is_counted(
    browser: Browser, counts: Counts
) -> None:
    browser.log_in(password="wrong password")
    page = browser.log_in()
    browser.log_out(page)
    assert counts.outcome("login", "invalid_credentials") == 1
    assert counts.outcome("login", "success") == 1
    assert counts.outcome("logout", "success") == 1
    browser.send("/browse/login", {"email": EMAIL, "password": PASSWORD})
    assert counts.outcome("login", "csrf_failed") == 1


def test_what_has_not_happened_yet_is_shown_as_0(api: Api) -> None:
    shown = read(scrape(api))
    for operation in [*metrics.get_operations().values(), "access"]:
        for outcome in metrics.INITIAL_OUTCOMES:
            labels = frozenset({f'operation="{operation}"', f'outcome="{outcome}"'})
            assert ("auth_requests_total", labels) in shown


def test_the_service_says_what_time_it_takes_it_to_be(api: Api, clock: MovableClock) -> None:
    clock.advance(1000)
    assert read(scrape(api))["auth_clock_seconds", frozenset()] == clock()


def test_a_store_that_answers_is_up(api: Api) -> None:
    assert read(scrape(api))["auth_store_up", frozenset()] == 1


def test_a_store_that_cannot_be_reached_is_not_up(api: Api, start: Start) -> None:
    start(STORE_URL="redis://127.0.0.1:1/0")
    assert read(scrape(api))["auth_store_up", frozenset()] == 0
