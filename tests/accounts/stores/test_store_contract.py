"""What every store promises, whichever it is (`AccountStore` in accounts/core/ports.py)."""

from dataclasses import replace

import pytest

from accounts.domain.errors import DuplicateEmail
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress, User
from tests.support.stores import EMAIL, USER, Refused, together


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
            store.add_user(replace(USER, security_stamp=str(number)))
        except DuplicateEmail:
            return ""
        return str(number)

    added = [version for version in together(64, add) if version]
    stored = store.get_user(EMAIL)
    assert stored is not None
    assert added == [stored.security_stamp]


def test_users_are_added_in_bulk(store: AccountStore) -> None:
    users = [User(EmailAddress(f"user{n}@example.com"), "hash", "v", 1.5) for n in range(2500)]
    assert store.add_users(users) == 2500
    assert [store.get_user(user.email) for user in users] == users


def test_adding_in_bulk_leaves_those_that_are_there_alone(store: AccountStore) -> None:
    store.add_user(USER)
    other = replace(USER, email=EmailAddress("other@example.com"))
    assert store.add_users([replace(USER, security_stamp="version-2"), other]) == 1
    assert store.get_user(EMAIL) == USER
    assert store.get_user(other.email) == other
    assert store.add_users([USER, other]) == 0


def test_a_user_is_updated(store: AccountStore) -> None:
    store.add_user(USER)
    changed = store.update_user(EMAIL, lambda user: replace(user, security_stamp="version-2"))
    assert changed == replace(USER, security_stamp="version-2") == store.get_user(EMAIL)


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
    store.update_user(EMAIL, lambda user: replace(user, security_stamp="version-2"))


def test_50_concurrent_updates_of_one_user_all_count(store: AccountStore) -> None:
    store.add_user(replace(USER, security_stamp=""))
    together(
        50,
        lambda n: store.update_user(
            EMAIL, lambda user: replace(user, security_stamp=user.security_stamp + "x")
        ),
    )
    assert store.get_user(EMAIL) == replace(USER, security_stamp="x" * 50)
