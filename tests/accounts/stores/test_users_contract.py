"""What every store does with users (`AccountStore` in accounts/domain/interfaces.py)."""

from dataclasses import replace

import pytest

from accounts.domain.errors import DuplicateEmail
from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.domain.users import User
from tests.support.stores import EMAIL, SID, USER, UpdateError, make_user, run_together, set_stamp


def test_added_user_is_found(store: AccountStore) -> None:
    store.add_user(USER)
    assert store.get_user(EMAIL) == USER


def test_unknown_user_is_none(store: AccountStore) -> None:
    assert store.get_user(EMAIL) is None


def test_add_user_duplicate_is_refused(store: AccountStore) -> None:
    store.add_user(USER)
    with pytest.raises(DuplicateEmail):
        store.add_user(replace(USER, password_hash="another"))
    assert store.get_user(EMAIL) == USER


def test_add_user_in_64_threads_succeeds_once(store: AccountStore) -> None:
    def add(number: int) -> str | None:
        try:
            store.add_user(replace(USER, security_stamp=str(number)))
        except DuplicateEmail:
            return None
        return str(number)

    added = [stamp for stamp in run_together(64, add) if stamp]
    stored = store.get_user(EMAIL)
    assert stored is not None
    assert added == [stored.security_stamp]


def test_add_users_adds_all(store: AccountStore) -> None:
    users = [make_user(number) for number in range(1100)]  # more than one batch
    assert store.add_users(users) == 1100
    assert [store.get_user(user.email) for user in users] == users


def test_add_users_keeps_existing_ones(store: AccountStore) -> None:
    store.add_user(USER)
    assert store.add_users([replace(USER, security_stamp="version-2"), make_user(1)]) == 1
    assert store.get_user(EMAIL) == USER
    assert store.get_user(make_user(1).email) == make_user(1)
    assert store.add_users([USER, make_user(1)]) == 0


def test_profile_is_stored_and_updated(store: AccountStore) -> None:
    store.add_users([USER.with_profile({"name": "Ada", "level": 1})])
    updated = store.update_user(EMAIL, lambda user: user.with_profile({"level": True}))
    stored = store.get_user(EMAIL)
    assert stored == updated
    assert stored is not None
    assert stored.profile_json == '{"name":"Ada","level":true}'  # True == 1 in Python


def test_concurrent_profile_changes_are_all_kept(store: AccountStore) -> None:
    store.add_user(USER)

    def change(number: int) -> None:
        store.update_user(EMAIL, lambda user: user.with_profile({f"field{number}": number}))

    run_together(8, change)
    stored = store.get_user(EMAIL)
    assert stored is not None
    assert stored.profile == {f"field{number}": number for number in range(8)}


def test_update_user_stores_and_returns_it(store: AccountStore) -> None:
    store.add_user(USER)
    updated = store.update_user(EMAIL, set_stamp("version-2"))
    assert updated == replace(USER, security_stamp="version-2") == store.get_user(EMAIL)


def test_update_user_unknown_is_key_error(store: AccountStore) -> None:
    with pytest.raises(KeyError):
        store.update_user(EMAIL, lambda user: user)
    assert store.get_user(EMAIL) is None


def test_update_user_error_changes_nothing(store: AccountStore) -> None:
    def fail(user: User) -> User:
        raise UpdateError

    store.add_user(USER)
    with pytest.raises(UpdateError):
        store.update_user(EMAIL, fail)
    assert store.get_user(EMAIL) == USER
    store.update_user(EMAIL, set_stamp("version-2"))  # no lock is left behind


def test_update_user_in_50_threads_loses_none(store: AccountStore) -> None:
    def append_x(number: int) -> User:
        return store.update_user(
            EMAIL, lambda user: replace(user, security_stamp=user.security_stamp + "x")
        )

    store.add_user(replace(USER, security_stamp=""))
    run_together(50, append_x)
    assert store.get_user(EMAIL) == replace(USER, security_stamp="x" * 50)


def test_count_users_is_exact_or_none(store: AccountStore) -> None:
    store.add_user(USER)
    assert store.count_users() in (1, None)


def test_new_store_is_reachable_and_not_emptied(store: AccountStore) -> None:
    store.ping()
    store.check_writable()
    assert store.was_emptied() is False


def test_deleted_user_is_gone_and_can_be_added_again(store: AccountStore) -> None:
    store.add_users([USER, make_user(1)])
    store.delete_user(EMAIL, lambda user: None)
    assert store.get_user(EMAIL) is None
    assert store.get_user(make_user(1).email) == make_user(1)
    store.add_user(replace(USER, security_stamp="version-2"))
    assert store.get_user(EMAIL) == replace(USER, security_stamp="version-2")


def test_delete_user_passes_the_user_to_its_check(store: AccountStore) -> None:
    store.add_user(USER)
    seen: list[User] = []
    store.delete_user(EMAIL, seen.append)
    assert seen == [USER]


def test_delete_user_that_the_check_refuses_changes_nothing(store: AccountStore) -> None:
    store.add_user(USER)

    def refuse(user: User) -> None:
        raise UpdateError

    with pytest.raises(UpdateError):
        store.delete_user(EMAIL, refuse)
    assert store.get_user(EMAIL) == USER
    store.update_user(EMAIL, set_stamp("version-2"))  # no lock is left behind


def test_delete_user_unknown_is_key_error(store: AccountStore) -> None:
    with pytest.raises(KeyError):
        store.delete_user(EMAIL, lambda user: None)
    with pytest.raises(KeyError):
        store.update_user(EMAIL, set_stamp("version-2"))
    assert store.get_user(EMAIL) is None


def test_delete_user_in_16_threads_succeeds_once(store: AccountStore) -> None:
    store.add_user(USER)

    def delete(_: int) -> bool:
        try:
            store.delete_user(EMAIL, lambda user: None)
        except KeyError:
            return False
        return True

    assert sum(run_together(16, delete)) == 1


def test_disabled_user_is_stored(store: AccountStore) -> None:
    store.add_user(USER)
    store.update_user(EMAIL, lambda user: replace(user, disabled=True))
    assert store.get_user(EMAIL) == replace(USER, disabled=True)


def test_iter_users_yields_each_once(store: AccountStore) -> None:
    users = [make_user(number) for number in range(1100)]  # more than one batch
    store.add_users(users)
    store.delete_user(users[7].email, lambda user: None)
    store.update_session(EMAIL, SID, lambda session: Session(SID, 2**31))
    found = sorted(store.iter_users(), key=lambda user: user.email)
    assert found == sorted(users[:7] + users[8:], key=lambda user: user.email)


def test_users_may_change_while_they_are_listed(store: AccountStore) -> None:
    store.add_users([make_user(number) for number in range(10)])
    listed = 0
    for user in store.iter_users():
        store.delete_user(user.email, lambda user: None)
        listed += 1
    assert listed == 10
    assert list(store.iter_users()) == []
