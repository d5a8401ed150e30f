"""What every store does with listed sessions (`AccountStore` in accounts/domain/interfaces.py)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import MAX_LISTED_SESSIONS, Session, add_session
from tests.support.api import MovableClock
from tests.support.stores import (
    EMAIL,
    SID,
    USER,
    WEEK,
    UpdateError,
    make_user,
    new_session,
    run_together,
    tracked_session,
)


def list_sids(store: AccountStore) -> set[str]:
    return {session.sid for session in store.get_sessions(EMAIL)}


def add(store: AccountStore, *sessions: Session) -> None:
    for session in sessions:
        store.update_sessions(EMAIL, lambda listed, new=session: add_session(listed, new))  # type: ignore[misc]  # no type for a default


def test_sessions_of_a_user_are_listed(store: AccountStore, clock: MovableClock) -> None:
    store.add_user(USER)
    sessions = [tracked_session(clock, number) for number in range(3)]
    add(store, *sessions)
    assert sorted(store.get_sessions(EMAIL), key=lambda one: one.sid) == sessions
    assert store.get_user_and_session(EMAIL, sessions[1].sid) == (USER, sessions[1])


def test_user_without_sessions_lists_none(store: AccountStore, clock: MovableClock) -> None:
    add(store, tracked_session(clock, 1))
    other = make_user(1).email
    assert list(store.get_sessions(other)) == []


def test_untracked_session_is_not_listed(store: AccountStore, clock: MovableClock) -> None:
    store.update_session(EMAIL, SID, lambda current: new_session(clock))
    assert list_sids(store) == set()


def test_tracked_session_is_listed_by_any_update(store: AccountStore, clock: MovableClock) -> None:
    session = tracked_session(clock, 1)
    store.update_session(EMAIL, session.sid, lambda current: session)
    assert list_sids(store) == {session.sid}


def test_revoked_session_is_not_listed(store: AccountStore, clock: MovableClock) -> None:
    one, other = tracked_session(clock, 1), tracked_session(clock, 2)
    add(store, one, other)
    store.update_session(EMAIL, one.sid, lambda current: replace(one, revoked=True))
    assert list_sids(store) == {other.sid}
    assert store.get_user_and_session(EMAIL, one.sid) == (None, replace(one, revoked=True))


def test_expired_session_is_not_listed(store: AccountStore, clock: MovableClock) -> None:
    session = tracked_session(clock, 1)
    add(store, session)
    clock.now = session.expires_at - 0.5
    assert list_sids(store) == {session.sid}
    clock.now = session.expires_at
    assert list_sids(store) == set()
    add(store, tracked_session(clock, 2))
    assert list_sids(store) == {tracked_session(clock, 2).sid}


def test_prolonged_session_stays_until_its_new_end(
    store: AccountStore, clock: MovableClock
) -> None:
    session = tracked_session(clock, 1)
    add(store, session)
    later = replace(session, expires_at=session.expires_at + WEEK)
    store.update_session(EMAIL, session.sid, lambda current: later)
    clock.advance(WEEK)
    store.update_session(EMAIL, SID, lambda current: new_session(clock))  # deletes expired ones
    assert store.get_user_and_session(EMAIL, session.sid) == (None, later)
    assert list_sids(store) == {session.sid}
    clock.advance(WEEK)
    assert store.get_user_and_session(EMAIL, session.sid) == (None, None)
    assert list_sids(store) == set()


def test_update_sessions_error_stores_none(store: AccountStore, clock: MovableClock) -> None:
    session = tracked_session(clock, 1)
    add(store, session)

    def raise_error(listed: Sequence[Session]) -> list[Session]:
        raise UpdateError

    with pytest.raises(UpdateError):
        store.update_sessions(EMAIL, raise_error)
    assert list_sids(store) == {session.sid}


def test_update_sessions_returns_what_it_stored(store: AccountStore, clock: MovableClock) -> None:
    first = tracked_session(clock, 1)
    add(store, first)
    second = tracked_session(clock, 2)
    assert store.update_sessions(EMAIL, lambda listed: [*listed, second]) == [first, second]
    assert store.update_sessions(EMAIL, list) == store.get_sessions(EMAIL)


def test_ten_logins_at_once_end_the_ten_oldest(store: AccountStore, clock: MovableClock) -> None:
    old = [tracked_session(clock, number) for number in range(MAX_LISTED_SESSIONS)]
    add(store, *old)
    clock.advance(60)
    new = [tracked_session(clock, number) for number in range(100, 110)]
    run_together(
        len(new),
        lambda number: store.update_sessions(
            EMAIL, lambda listed: add_session(listed, new[number])
        ),
    )
    assert list_sids(store) == {session.sid for session in (*old[10:], *new)}
    for ended in old[:10]:
        assert store.get_user_and_session(EMAIL, ended.sid) == (None, replace(ended, revoked=True))
