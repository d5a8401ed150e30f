"""Memory is bounded by what was rotated or ended within a refresh token's life.

Ten million logins are simulated, not made. Shown first is that a login, a profile and a refresh
without rotation write nothing, so that of ten million logins only those count whose session was
rotated or ended. Of these one in fifty is taken, 200,000, spread evenly over a hundred lifetimes
of a refresh token: each is written straight into the store, as `AccountService` writes it, and
the clock is moved between them. All expire, and the store is asked what it still holds.
"""

from collections.abc import Callable, Sized
from dataclasses import replace
from typing import Any

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User, normalize_email
from accounts.stores.memory import MemoryStore
from tests.support.api import EMAIL, Api, MovableClock
from tests.support.http import Start
from tests.support.sessions import LIFETIME, rotate

USER = normalize_email(EMAIL)
LOGINS = 10_000_000
TOUCHED = LOGINS // 50
LIFETIMES = 100
STEPS_PER_LIFETIME = 10
WRITES_PER_STEP = TOUCHED // (LIFETIMES * STEPS_PER_LIFETIME)


class CountingStore(MemoryStore):
    """A memory store that counts what is written to it after the accounts."""

    writes = 0

    def update_user(self, email: EmailAddress, change: Callable[[User], User]) -> User:
        self.writes += 1
        return super().update_user(email, change)

    def update_session(
        self, email: EmailAddress, sid: str, change: Callable[[Session | None], Session]
    ) -> Session:
        self.writes += 1
        return super().update_session(email, sid, change)


def held(store: AccountStore) -> dict[str, int]:
    """Return how much every container of the store holds, its users aside."""
    sizes = {name: len(value) for name, value in vars(store).items() if isinstance(value, Sized)}
    del sizes["_users"]
    return sizes


def touch(store: AccountStore, sid: str, expires_at: int) -> None:
    """End the session, as a logout does."""

    def end(session: Session | None) -> Session:
        return replace(session or Session(sid, expires_at), revoked=True)

    store.update_session(USER, sid, end)


def end_by_logout(api: Api, pair: dict[str, Any]) -> None:
    api.logout(pair["refresh_token"])


def end_by_theft(api: Api, pair: dict[str, Any]) -> None:
    rotate(api, pair, 2)
    api.refresh(pair["refresh_token"])


def rotate_often(api: Api, pair: dict[str, Any]) -> None:
    rotate(api, pair, 20)


def test_of_ten_million_logins_nothing_is_left_behind(clock: MovableClock) -> None:
    store = MemoryStore(clock)
    most = 0
    for step in range(LIFETIMES * STEPS_PER_LIFETIME):
        expires_at = int(clock()) + LIFETIME
        for number in range(WRITES_PER_STEP):
            touch(store, f"{step} {number}", expires_at)
        most = max(most, *held(store).values())
        clock.advance(LIFETIME / STEPS_PER_LIFETIME)
    assert most <= WRITES_PER_STEP * (STEPS_PER_LIFETIME + 1)
    clock.advance(LIFETIME)
    touch(store, "the last", int(clock()) + LIFETIME)
    assert set(held(store).values()) == {1}


@pytest.mark.parametrize("live", [end_by_logout, end_by_theft, rotate_often])
def test_whatever_sessions_lived_through_they_are_forgotten(
    start: Start, clock: MovableClock, live: Callable[[Api, dict[str, Any]], None]
) -> None:
    store = start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0).accounts.store
    api = Api()
    for _ in range(5):
        live(api, api.enter())
        clock.advance(60)
    assert set(held(store).values()) == {5}
    clock.advance(LIFETIME)
    live(api, api.login().json())
    assert set(held(store).values()) == {1}


def test_a_session_is_remembered_for_as_long_as_its_tokens_live(
    start: Start, clock: MovableClock
) -> None:
    start(ACCESS_TOKEN_LIFETIME=LIFETIME - 1)
    api = Api()
    pair = api.enter()
    api.logout(pair["refresh_token"])
    clock.advance(LIFETIME - 2)
    api.logout(api.login().json()["refresh_token"])
    assert api.profile(pair["access_token"]).json()["code"] == "token_revoked"
    assert api.refresh(pair["refresh_token"]).json()["code"] == "token_revoked"


@pytest.mark.parametrize("rotates", [False, True], ids=["rotation off", "rotation on"])
def test_a_login_and_its_access_tokens_write_nothing(
    start: Start, clock: MovableClock, rotates: bool
) -> None:
    service = start(ROTATE_REFRESH_TOKENS=rotates).accounts
    service.store = store = CountingStore(clock)
    api = Api()
    api.register()
    for _ in range(3):
        pair = api.login().json()
        assert api.profile(pair["access_token"]).status_code == 200
    assert store.writes == 0
    assert set(held(store).values()) == {0}


def test_a_refresh_without_rotation_writes_nothing(start: Start, clock: MovableClock) -> None:
    service = start(ROTATE_REFRESH_TOKENS=False).accounts
    service.store = store = CountingStore(clock)
    api = Api()
    pair = api.enter()
    for _ in range(3):
        assert api.refresh(pair["refresh_token"]).status_code == 200
    assert store.writes == 0


@pytest.mark.parametrize("end", ["logout-all", "password"])
def test_ending_every_session_remembers_none_of_them(
    start: Start, clock: MovableClock, end: str
) -> None:
    service = start().accounts
    service.store = store = CountingStore(clock)
    api = Api()
    pairs = [api.enter(), *(api.login().json() for _ in range(4))]
    body = {"current_password": "correct horse battery", "new_password": "another battery"}
    api.post(f"auth/{end}", body, token=pairs[0]["access_token"])
    assert store.writes == 1
    assert set(held(store).values()) == {0}


def test_a_dead_token_leaves_nothing_behind(start: Start, clock: MovableClock) -> None:
    service = start(ROTATE_REFRESH_TOKENS=True).accounts
    service.store = store = CountingStore(clock)
    api = Api()
    pair = api.enter()
    clock.advance(LIFETIME)
    for attempt in (api.refresh, api.logout):
        attempt(pair["refresh_token"])
        attempt("garbage")
        attempt(pair["access_token"])
    assert store.writes == 0
