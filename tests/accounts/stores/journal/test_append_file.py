"""A full or broken disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from accounts.domain.errors import StoreUnavailable
from tests.support.api import MovableClock
from tests.support.journal import EMAIL, SID, USER, FailingDisk, Open, session, user


@pytest.mark.parametrize("after", [0, 1, 50])
def test_a_full_disk_refuses_changes_keeps_none_of_them_and_answers_reads(
    start: Open, path: Path, clock: MovableClock, disk: FailingDisk, after: int
) -> None:
    store = start()
    store.add_user(USER)
    written = path.read_bytes()
    disk.fill_up(after=after)
    for refused in (
        lambda: store.add_user(user(1)),
        lambda: store.add_users([user(1), user(2)]),
        lambda: store.update_user(EMAIL, lambda known: replace(known, security_stamp="v2")),
        lambda: store.update_session(EMAIL, SID, lambda known: session(clock)),
    ):
        with pytest.raises(StoreUnavailable):
            refused()
    assert path.read_bytes() == written
    assert store.get_user_and_session(EMAIL, SID) == (USER, None)
    assert store.get_user(user(1).email) is None
    store.ping()
    disk.mend()
    store.add_user(user(1))
    assert start().get_user(user(1).email) == user(1)


def test_a_change_that_cannot_be_synced_is_not_made(
    start: Open, path: Path, disk: FailingDisk
) -> None:
    store = start()
    written = path.read_bytes()
    disk.fail("fsync")
    with pytest.raises(StoreUnavailable):
        store.add_user(USER)
    assert path.read_bytes() == written
    assert store.get_user(EMAIL) is None
    disk.mend()
    store.add_user(USER)
    assert start().get_user(EMAIL) == USER


def test_nothing_is_written_after_remains_that_cannot_be_removed(
    start: Open, path: Path, disk: FailingDisk
) -> None:
    store = start()
    store.add_user(USER)
    size = path.stat().st_size
    disk.fill_up(after=10)
    disk.fail("ftruncate")
    with pytest.raises(StoreUnavailable):
        store.add_user(user(1))
    assert path.stat().st_size == size + 10
    with pytest.raises(StoreUnavailable):
        store.add_user(user(2))
    assert path.stat().st_size == size + 10
    disk.mend()
    store.add_user(user(2))
    store = start()
    assert store.get_user(user(1).email) is None
    assert store.get_user(user(2).email) == user(2)


def test_a_closed_store_writes_nowhere(start: Open) -> None:
    store = start()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.add_user(USER)
    store.close()
    start().add_user(USER)


@pytest.mark.parametrize("how", ["deleted", "renamed", "replaced"])
def test_a_file_that_was_taken_away_is_written_anew_with_the_next_change(
    start: Open, path: Path, how: str
) -> None:
    store = start()
    store.add_user(USER)
    path.rename(path.with_name("elsewhere")) if how == "renamed" else path.unlink()
    if how == "replaced":
        path.touch()
    store.add_user(user(1))
    store = start()
    assert store.get_user(EMAIL) == USER
    assert store.get_user(user(1).email) == user(1)


def test_a_folder_that_was_deleted_makes_changes_unavailable_until_it_is_back(
    start: Open, path: Path
) -> None:
    store = start()
    store.add_user(USER)
    away = path.parent.rename(path.parent.with_name("away"))
    (away / path.name).unlink()
    with pytest.raises(StoreUnavailable):
        store.add_user(user(1))
    away.rename(path.parent)
    store.add_user(user(2))
    assert store.get_user(user(1).email) is None
    assert path.exists()
