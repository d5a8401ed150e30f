"""Metrics of invalid tokens, of operations, and of the service itself."""

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


def get_reasons(counts: Counts) -> dict[str, float]:
    """Return how many tokens were invalid, by reason."""
    return counts.get_by_label("auth_tokens_refused_total", "reason")


def test_invalid_token_is_counted_by_reason(api: Api, counts: Counts, clock: MovableClock) -> None:
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
    assert get_reasons(counts) == {
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
def test_foreign_token_header_is_malformed(
    api: Api, counts: Counts, header: dict[str, Any]
) -> None:
    response = api.profile(forge(api.register_and_log_in()["access_token"], header))
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")
    assert get_reasons(counts) == {"malformed": 1}


def test_missing_token_is_not_counted_as_invalid(api: Api, counts: Counts) -> None:
    api.profile(None)
    assert get_reasons(counts) == {}


def test_token_reuse_is_counted(api: Api, counts: Counts, start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    used = api.register_and_log_in()["refresh_token"]
    api.refresh(used)
    api.refresh(used)
    assert get_reasons(counts) == {"reused": 1}
    assert counts.outcome("refresh", "token_reused") == 1


def test_every_auth_action_is_an_operation() -> None:
    found: list[Any] = AuthViewSet.get_extra_actions()
    actions = {action.url_path: action.__name__ for action in found}
    paths = {f"/api/v1/auth/{path}": name for path, name in actions.items()}
    pages = {"/browse/login": "login", "/browse/logout": "logout"}
    assert metrics.get_operations() == paths | pages


def test_browsable_login_and_logout_are_counted(browser: Browser, counts: Counts) -> None:
    browser.log_in(password="wrong password")
    page = browser.log_in()
    browser.log_out(page)
    assert counts.outcome("login", "invalid_credentials") == 1
    assert counts.outcome("login", "success") == 1
    assert counts.outcome("logout", "success") == 1
    browser.send("/browse/login", {"email": EMAIL, "password": PASSWORD})
    assert counts.outcome("login", "csrf_failed") == 1


def test_initial_outcomes_are_zero(api: Api) -> None:
    shown = read(scrape(api))
    for operation in [*metrics.get_operations().values(), "access"]:
        for outcome in metrics.INITIAL_OUTCOMES:
            labels = frozenset({f'operation="{operation}"', f'outcome="{outcome}"'})
            assert ("auth_requests_total", labels) in shown


def test_clock_is_reported(api: Api, clock: MovableClock) -> None:
    clock.advance(1000)
    assert read(scrape(api))["auth_clock_seconds", frozenset()] == clock()


def test_reachable_store_is_up(api: Api) -> None:
    assert read(scrape(api))["auth_store_up", frozenset()] == 1


def test_unreachable_store_is_down(api: Api, start: Start) -> None:
    start(STORE_URL="redis://127.0.0.1:1/0")
    assert read(scrape(api))["auth_store_up", frozenset()] == 0
