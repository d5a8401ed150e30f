"""What every store does with sessions (`AccountStore` in accounts/domain/interfaces.py)."""

from dataclasses import replace

import pytest

from accounts.domain.errors import TokenRevoked
from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress
from tests.support.api import MovableClock
from tests.support.stores import (
    EMAIL,
    SID,
    USER,
    WEEK,
    UpdateError,
    make_user,
    new_session,
    raise_update_error,
    revoked_session,
    run_together,
)

OTHER_SID = "0ddba11c"


def test_session_never_updated_is_none(store: AccountStore) -> None:
    store.add_user(USER)
    assert store.get_user_and_session(EMAIL, SID) == (USER, None)


def test_user_and_session_are_found(store: AccountStore, clock: MovableClock) -> None:
    session = revoked_session(clock)
    store.add_user(USER)
    assert store.update_session(EMAIL, SID, lambda current: session) == session
    assert store.get_user_and_session(EMAIL, SID) == (USER, session)


def test_session_of_unknown_user_is_found(store: AccountStore, clock: MovableClock) -> None:
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    assert store.get_user_and_session(EMAIL, SID) == (None, session)


def test_batch_read_keeps_order(store: AccountStore, clock: MovableClock) -> None:
    other, unknown = make_user(1), EmailAddress("unknown@example.com")
    store.add_users([USER, other])
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    keys = [(other.email, SID), (unknown, SID), (EMAIL, SID), (EMAIL, OTHER_SID)]
    expected = [(other, None), (None, None), (USER, session), (USER, None)]
    assert store.get_users_and_sessions(keys) == expected


def test_sessions_are_separate(store: AccountStore, clock: MovableClock) -> None:
    store.update_session(EMAIL, SID, lambda current: new_session(clock))
    assert store.get_user_and_session(make_user(1).email, SID) == (None, None)
    assert store.get_user_and_session(EMAIL, OTHER_SID) == (None, None)


@pytest.mark.parametrize("local", ["}", "{}", "a}b", "{", "%7d", "a:user", "*", "ü", "'; drop"])
def test_odd_email_is_separate_account(
    store: AccountStore, clock: MovableClock, local: str
) -> None:
    odd = replace(USER, email=EmailAddress(f"{local}@example.com"))
    store.add_user(USER)
    store.add_user(odd)
    session = store.update_session(odd.email, SID, lambda current: new_session(clock))
    assert store.get_user_and_session(EMAIL, SID) == (USER, None)
    assert store.get_user_and_session(odd.email, SID) == (odd, session)


def test_update_session_gets_stored_one(store: AccountStore, clock: MovableClock) -> None:
    received: list[Session | None] = []

    def update_fn(current: Session | None) -> Session:
        received.append(current)
        return replace(current or new_session(clock), revoked=current is not None)

    first = store.update_session(EMAIL, SID, update_fn)
    store.update_session(EMAIL, SID, update_fn)
    assert received == [None, first]


def test_update_session_error_stores_none(store: AccountStore) -> None:
    with pytest.raises(UpdateError):
        store.update_session(EMAIL, SID, raise_update_error)
    assert store.get_user_and_session(EMAIL, SID) == (None, None)


def test_update_session_error_keeps_stored_one(store: AccountStore, clock: MovableClock) -> None:
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    with pytest.raises(UpdateError):
        store.update_session(EMAIL, SID, raise_update_error)
    assert store.get_user_and_session(EMAIL, SID) == (None, session)


def test_update_session_in_50_threads_loses_none(store: AccountStore, clock: MovableClock) -> None:
    def count_up(current: Session | None) -> Session:
        current = current or new_session(clock)
        return replace(current, rotation_count=current.rotation_count + 1)

    counts = run_together(50, lambda n: store.update_session(EMAIL, SID, count_up).rotation_count)
    assert sorted(counts) == list(range(1, 51))


def test_update_session_in_50_threads_runs_once(store: AccountStore, clock: MovableClock) -> None:
    def revoke(current: Session | None) -> Session:
        if current is not None:
            raise TokenRevoked
        return revoked_session(clock)

    def try_to_revoke(number: int) -> bool:
        try:
            store.update_session(EMAIL, SID, revoke)
        except TokenRevoked:
            return False
        return True

    assert run_together(50, try_to_revoke).count(True) == 1
    assert store.get_user_and_session(EMAIL, SID) == (None, revoked_session(clock))


def test_expired_session_is_none(store: AccountStore, clock: MovableClock) -> None:
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    clock.now = session.expires_at - 0.5
    assert store.get_user_and_session(EMAIL, SID) == (None, session)
    clock.now = session.expires_at
    assert store.get_user_and_session(EMAIL, SID) == (None, None)


def test_update_session_expired_starts_anew(store: AccountStore, clock: MovableClock) -> None:
    store.update_session(EMAIL, SID, lambda current: revoked_session(clock))
    clock.advance(WEEK)
    session = store.update_session(EMAIL, SID, lambda current: current or new_session(clock))
    assert not session.revoked
    assert store.get_user_and_session(EMAIL, SID) == (None, session)
