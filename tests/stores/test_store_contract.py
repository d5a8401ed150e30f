"""What every store promises, whichever it is (`AccountStore` in accounts/core/ports.py)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TypeVar

import pytest

from accounts.core.errors import AccountError, DuplicateEmail, TokenRevoked
from accounts.core.ports import AccountStore
from accounts.core.sessions import Session, rotate
from accounts.core.users import EmailAddress, User
from tests.support import MovableClock

T = TypeVar("T")

EMAIL = EmailAddress("user@example.com")
USER = User(EMAIL, "bcrypt_sha256$$2b$04$hash", "version-1", 1_700_000_000.123456)
SID = "5e55104e"
WEEK = 604_800


class Refused(Exception):
    """What a change of the test's own raises."""


def refuse(value: object) -> Session:
    raise Refused


def together(count: int, function: Callable[[int], T]) -> list[T]:
    """Call the function in so many threads at once; return what each got."""
    barrier = Barrier(count)

    def run(number: int) -> T:
        barrier.wait()
        return function(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def untouched(clock: MovableClock) -> Session:
    return Session(SID, int(clock.now) + WEEK)


def test_an_added_user_is_found_as_it_was_added(store: AccountStore) -> None:
    store.add_user(USER)
    assert store.get_user(EMAIL) == USER


def test_an_unknown_user_is_none(store: AccountStore) -> None:
    assert store.get_user(EMAIL) is None


def test_an_email_is_added_only_once(store: AccountStore) -> None:
    store.add_user(USER)
    with pytest.raises(DuplicateEmail):
        store.add_user(replace(USER, password_hash="another"))
    assert store.get_user(EMAIL) == USER


def test_of_64_threads_adding_one_email_one_succeeds(store: AccountStore) -> None:
    def add(number: int) -> str:
        try:
            store.add_user(replace(USER, version=str(number)))
        except DuplicateEmail:
            return ""
        return str(number)

    added = [version for version in together(64, add) if version]
    stored = store.get_user(EMAIL)
    assert stored is not None
    assert added == [stored.version]


def test_users_are_added_in_bulk(store: AccountStore) -> None:
    users = [User(EmailAddress(f"user{n}@example.com"), "hash", "v", 1.5) for n in range(2500)]
    assert store.add_users(users) == 2500
    assert [store.get_user(user.email) for user in users] == users


def test_adding_in_bulk_leaves_those_that_are_there_alone(store: AccountStore) -> None:
    store.add_user(USER)
    other = replace(USER, email=EmailAddress("other@example.com"))
    assert store.add_users([replace(USER, version="version-2"), other]) == 1
    assert store.get_user(EMAIL) == USER
    assert store.get_user(other.email) == other
    assert store.add_users([USER, other]) == 0


def test_a_user_is_updated(store: AccountStore) -> None:
    store.add_user(USER)
    changed = store.update_user(EMAIL, lambda user: replace(user, version="version-2"))
    assert changed == replace(USER, version="version-2") == store.get_user(EMAIL)


def test_updating_an_unknown_user_is_a_key_error(store: AccountStore) -> None:
    with pytest.raises(KeyError):
        store.update_user(EMAIL, lambda user: user)
    assert store.get_user(EMAIL) is None


def test_a_change_of_a_user_that_raises_leaves_it_as_it_was(store: AccountStore) -> None:
    store.add_user(USER)

    def change(user: User) -> User:
        raise Refused

    with pytest.raises(Refused):
        store.update_user(EMAIL, change)
    assert store.get_user(EMAIL) == USER
    store.update_user(EMAIL, lambda user: replace(user, version="version-2"))


def test_50_concurrent_updates_of_one_user_all_count(store: AccountStore) -> None:
    store.add_user(replace(USER, version=""))
    together(
        50,
        lambda n: store.update_user(EMAIL, lambda user: replace(user, version=user.version + "x")),
    )
    assert store.get_user(EMAIL) == replace(USER, version="x" * 50)


def test_a_session_that_was_never_updated_is_none(store: AccountStore) -> None:
    store.add_user(USER)
    assert store.find(EMAIL, SID) == (USER, None)


def test_find_gives_user_and_session(store: AccountStore, clock: MovableClock) -> None:
    store.add_user(USER)
    session = replace(untouched(clock), generation=3, rotated_at=1_700_000_000.25, ended=True)
    assert store.update_session(EMAIL, SID, lambda known: session) == session
    assert store.find(EMAIL, SID) == (USER, session)


def test_find_gives_the_session_of_an_unknown_user(
    store: AccountStore, clock: MovableClock
) -> None:
    session = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    assert store.find(EMAIL, SID) == (None, session)


def test_sessions_of_two_users_are_apart(store: AccountStore, clock: MovableClock) -> None:
    other = EmailAddress("other@example.com")
    store.update_session(EMAIL, SID, lambda known: untouched(clock))
    assert store.find(other, SID) == (None, None)
    assert store.find(EMAIL, "another") == (None, None)


def test_a_change_sees_the_session_as_stored(store: AccountStore, clock: MovableClock) -> None:
    seen: list[Session | None] = []

    def change(known: Session | None) -> Session:
        seen.append(known)
        return replace(known or untouched(clock), ended=known is not None)

    first = store.update_session(EMAIL, SID, change)
    store.update_session(EMAIL, SID, change)
    assert seen == [None, first]


def test_a_change_of_a_session_that_raises_leaves_it_as_it_was(
    store: AccountStore, clock: MovableClock
) -> None:
    with pytest.raises(Refused):
        store.update_session(EMAIL, SID, refuse)
    assert store.find(EMAIL, SID) == (None, None)
    session = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    with pytest.raises(Refused):
        store.update_session(EMAIL, SID, refuse)
    assert store.find(EMAIL, SID) == (None, session)


def test_50_concurrent_updates_of_one_session_are_serialised(
    store: AccountStore, clock: MovableClock
) -> None:
    def count_up(known: Session | None) -> Session:
        known = known or untouched(clock)
        return replace(known, generation=known.generation + 1)

    results = together(50, lambda n: store.update_session(EMAIL, SID, count_up).generation)
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
        return "reused" if session.ended else "rotated"

    assert together(50, present).count("rotated") == 1
    _, session = store.find(EMAIL, SID)
    assert session is not None
    assert session.ended


def test_50_rotations_within_the_grace_have_one_successor(
    store: AccountStore, clock: MovableClock
) -> None:
    sessions = together(
        50,
        lambda n: store.update_session(
            EMAIL, SID, lambda known: rotate(known or untouched(clock), 0, clock.now, 10.0)
        ),
    )
    assert set(sessions) == {replace(untouched(clock), generation=1, rotated_at=clock.now)}


def test_a_session_is_forgotten_when_it_expires(store: AccountStore, clock: MovableClock) -> None:
    session = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    clock.advance(WEEK - 0.5)
    assert store.find(EMAIL, SID) == (None, session)
    clock.advance(0.5)
    assert store.find(EMAIL, SID) == (None, None)


def test_a_change_after_expiry_begins_anew(store: AccountStore, clock: MovableClock) -> None:
    store.update_session(EMAIL, SID, lambda known: replace(untouched(clock), ended=True))
    clock.advance(WEEK)
    session = store.update_session(EMAIL, SID, lambda known: known or untouched(clock))
    assert not session.ended
    assert store.find(EMAIL, SID) == (None, session)


def test_a_session_whose_expiry_moves_lives_until_then(
    store: AccountStore, clock: MovableClock
) -> None:
    first = store.update_session(EMAIL, SID, lambda known: untouched(clock))
    later = replace(first, expires_at=first.expires_at + WEEK)
    store.update_session(EMAIL, SID, lambda known: later)
    clock.advance(WEEK)
    store.update_session(EMAIL, "another", lambda known: replace(later, sid="another"))
    assert store.find(EMAIL, SID) == (None, later)


def test_the_store_answers(store: AccountStore) -> None:
    store.check()


@pytest.mark.parametrize("local", ["}", "{}", "a}b", "{", "%7d", "a:user", "*", "ü", "'; drop"])
def test_an_odd_email_is_one_account_of_its_own(store: AccountStore, local: str) -> None:
    email = EmailAddress(f"{local}@example.com")
    store.add_user(USER)
    store.add_user(replace(USER, email=email))
    store.update_session(email, SID, lambda known: Session(SID, 2_000_000_000, ended=True))
    assert store.find(EMAIL, SID) == (USER, None)
    assert store.find(email, SID)[0] == replace(USER, email=email)


def test_what_a_change_raises_is_what_the_caller_gets(
    store: AccountStore, clock: MovableClock
) -> None:
    store.update_session(EMAIL, SID, lambda known: replace(untouched(clock), ended=True))
    with pytest.raises(AccountError) as caught:
        store.update_session(
            EMAIL, SID, lambda known: rotate(known or untouched(clock), 0, clock.now, 10.0)
        )
    assert type(caught.value) is TokenRevoked
