"""The contract of every store: sessions."""

from dataclasses import replace

import pytest

from accounts.domain.errors import AccountError, TokenRevoked
from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session, rotate
from accounts.domain.users import EmailAddress
from tests.support.api import MovableClock
from tests.support.stores import (
    EMAIL,
    SID,
    USER,
    WEEK,
    Refused,
    refuse,
    together,
    untouched,
)


def test_a_session_that_was_never_updated_is_none(store: AccountStore) -> None:
    store.add_user(USER)
    assert store.get_user_and_session(EMAIL, SID) == (USER, None)


def test_find_gives_user_and_session(store: AccountStore, clock: MovableClock) -> None:
    store.add_user(USER)
    session = replace(untouched(clock), rotation_count=3, rotated_at=1_700_000_000.25, revoked=True)
    assert store.update_session(EMAIL, SID, lambda known: session) == session
    assert store.get_user_and_session(EMAIL, SID) == (USER, session)


def test_find_gives_the_session_of_an_unknown_user(
    store: AccountStore, clock: MovableClock
) -> None:
    session = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    assert store.get_user_and_session(EMAIL, SID) == (None, session)


def test_several_are_found_in_the_order_in_which_they_were_asked_for(
    store: AccountStore, clock: MovableClock
) -> None:
    other = replace(USER, email=EmailAddress("other@example.com"))
    store.add_users([USER, other])
    session = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    nobody = EmailAddress("nobody@example.com")
    asked = [(other.email, SID), (nobody, SID), (EMAIL, SID), (EMAIL, "another")]
    expected = [(other, None), (None, None), (USER, session), (USER, None)]
    assert store.get_users_and_sessions(asked) == expected


def test_users_are_counted_or_it_is_said_that_they_cannot_be(store: AccountStore) -> None:
    store.add_user(USER)
    assert store.count_users() in (1, None)


def test_sessions_of_two_users_are_apart(store: AccountStore, clock: MovableClock) -> None:
    other = EmailAddress("other@example.com")
    store.update_session(EMAIL, SID, lambda known: untouched(clock))
    assert store.get_user_and_session(other, SID) == (None, None)
    assert store.get_user_and_session(EMAIL, "another") == (None, None)


def test_a_change_sees_the_session_as_stored(store: AccountStore, clock: MovableClock) -> None:
    seen: list[Session | None] = []

    def change(known: Session | None) -> Session:
        seen.append(known)
        return replace(known or untouched(clock), revoked=known is not None)

    first = store.update_session(EMAIL, SID, change)
    store.update_session(EMAIL, SID, change)
    assert seen == [None, first]


def test_a_change_of_a_session_that_raises_leaves_it_as_it_was(
    store: AccountStore, clock: MovableClock
) -> None:
    with pytest.raises(Refused):
        store.update_session(EMAIL, SID, refuse)
    assert store.get_user_and_session(EMAIL, SID) == (None, None)
    session = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    with pytest.raises(Refused):
        store.update_session(EMAIL, SID, refuse)
    assert store.get_user_and_session(EMAIL, SID) == (None, session)


def test_50_concurrent_updates_of_one_session_are_serialised(
    store: AccountStore, clock: MovableClock
) -> None:
    def count_up(known: Session | None) -> Session:
        known = known or untouched(clock)
        return replace(known, rotation_count=known.rotation_count + 1)

    results = together(50, lambda n: store.update_session(EMAIL, SID, count_up).rotation_count)
    assert sorted(results) == list(range(1, 51))


def test_of_50_strict_rotations_of_one_token_one_succeeds_and_the_session_ends(
    store: AccountStore, clock: MovableClock
) -> None:
    def present(number: int) -> str:
        try:
            session = store.update_session(
                EMAIL, SID, lambda known: rotate(known or untouched(clock), 0, clock.now, 0.0)
            )
        except TokenRevoked:
            return "revoked"
        return "reused" if session.revoked else "rotated"

    assert together(50, present).count("rotated") == 1
    _, session = store.get_user_and_session(EMAIL, SID)
    assert session is not None
    assert session.revoked


def test_50_rotations_within_the_grace_have_one_successor(
    store: AccountStore, clock: MovableClock
) -> None:
    sessions = together(
        50,
        lambda n: store.update_session(
            EMAIL, SID, lambda known: rotate(known or untouched(clock), 0, clock.now, 10.0)
        ),
    )
    assert set(sessions) == {replace(untouched(clock), rotation_count=1, rotated_at=clock.now)}


def test_a_session_is_forgotten_when_it_expires(store: AccountStore, clock: MovableClock) -> None:
    session = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    clock.advance(WEEK - 0.5)
    assert store.get_user_and_session(EMAIL, SID) == (None, session)
    clock.advance(0.5)
    assert store.get_user_and_session(EMAIL, SID) == (None, None)


def test_a_change_after_expiry_begins_anew(store: AccountStore, clock: MovableClock) -> None:
    store.update_session(EMAIL, SID, lambda known: replace(untouched(clock), revoked=True))
    clock.advance(WEEK)
    session = store.update_session(EMAIL, SID, lambda known: known or untouched(clock))
    assert not session.revoked
    assert store.get_user_and_session(EMAIL, SID) == (None, session)


def test_a_session_whose_expiry_moves_lives_until_then(
    store: AccountStore, clock: MovableClock
) -> None:
    first = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    later = replace(first, expires_at=first.expires_at + WEEK)
    store.update_session(EMAIL, SID, lambda known: later)
    clock.advance(WEEK)
    store.update_session(EMAIL, "another", lambda known: replace(later, sid="another"))
    assert store.get_user_and_session(EMAIL, SID) == (None, later)


def test_the_store_answers(store: AccountStore) -> None:
    store.ping()


@pytest.mark.parametrize("local", ["}", "{}", "a}b", "{", "%7d", "a:user", "*", "ü", "'; drop"])
def test_an_odd_email_is_one_account_of_its_own(store: AccountStore, local: str) -> None:
    email = EmailAddress(f"{local}@example.com")
    store.add_user(USER)
    store.add_user(replace(USER, email=email))
    store.update_session(email, SID, lambda known: Session(SID, 2_000_000_000, revoked=True))
    assert store.get_user_and_session(EMAIL, SID) == (USER, None)
    assert store.get_user_and_session(email, SID)[0] == replace(USER, email=email)


def test_what_a_change_raises_is_what_the_caller_gets(
    store: AccountStore, clock: MovableClock
) -> None:
    store.update_session(EMAIL, SID, lambda known: replace(untouched(clock), revoked=True))
    with pytest.raises(AccountError) as caught:
        store.update_session(
            EMAIL, SID, lambda known: rotate(known or untouched(clock), 0, clock.now, 10.0)
        )
    assert type(caught.value) is TokenRevoked
