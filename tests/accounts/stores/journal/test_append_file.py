"""A full or broken disk, and files that are taken away."""

from pathlib import Path

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from tests.support.api import MovableClock
from tests.support.journal import FailingDisk, Reopen
from tests.support.stores import EMAIL, SID, USER, make_user, revoked_session, set_stamp


@pytest.fixture
def store(reopen: Reopen) -> AccountStore:
    """A journal with one user."""
    store = reopen()
    store.add_user(USER)
    return store


@pytest.mark.parametrize("after", [0, 1, 50])
def test_full_disk_refuses_every_change(
    store: AccountStore, path: Path, clock: MovableClock, disk: FailingDisk, after: int
) -> None:
    written = path.read_bytes()
    disk.fill_up(after=after)
    for change in (
        lambda: store.add_user(make_user(1)),
        lambda: store.add_users([make_user(1), make_user(2)]),
        lambda: store.update_user(EMAIL, set_stamp("v2")),
        lambda: store.update_session(EMAIL, SID, lambda session: revoked_session(clock)),
    ):
        with pytest.raises(StoreUnavailable):
            change()
    assert path.read_bytes() == written


def test_full_disk_keeps_reads_working(store: AccountStore, disk: FailingDisk) -> None:
    disk.fill_up(after=1)
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    store.ping()
    assert store.get_user_and_session(EMAIL, SID) == (USER, None)
    assert store.get_user(make_user(1).email) is None


def test_full_disk_repaired_accepts_changes(
    store: AccountStore, reopen: Reopen, disk: FailingDisk
) -> None:
    disk.fill_up(after=1)
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    disk.repair()
    store.add_user(make_user(1))
    assert reopen().get_user(make_user(1).email) == make_user(1)


def test_failed_sync_makes_no_change(store: AccountStore, path: Path, disk: FailingDisk) -> None:
    written = path.read_bytes()
    disk.fail("fsync")
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    assert path.read_bytes() == written
    assert store.get_user(make_user(1).email) is None


def test_failed_truncate_blocks_further_writes(
    store: AccountStore, reopen: Reopen, path: Path, disk: FailingDisk
) -> None:
    size = path.stat().st_size
    disk.fill_up(after=10)
    disk.fail("ftruncate")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.add_user(make_user(1))
        assert path.stat().st_size == size + 10
    disk.repair()
    store.add_user(make_user(2))
    store = reopen()
    assert store.get_user(make_user(1).email) is None
    assert store.get_user(make_user(2).email) == make_user(2)


def test_closed_store_writes_nothing(store: AccountStore, path: Path) -> None:
    written = path.read_bytes()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    store.close()
    assert path.read_bytes() == written


@pytest.mark.parametrize("how", ["deleted", "renamed", "replaced"])
def test_removed_file_is_written_again(
    store: AccountStore, reopen: Reopen, path: Path, how: str
) -> None:
    path.rename(path.with_name("elsewhere")) if how == "renamed" else path.unlink()
    if how == "replaced":
        path.touch()
    store.add_user(make_user(1))
    store = reopen()
    assert store.get_user(EMAIL) == USER
    assert store.get_user(make_user(1).email) == make_user(1)


def test_removed_folder_blocks_changes_until_back(store: AccountStore, path: Path) -> None:
    away = path.parent.rename(path.parent.with_name("away"))
    (away / path.name).unlink()
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    away.rename(path.parent)
    store.add_user(make_user(2))
    assert store.get_user(make_user(1).email) is None
    assert path.exists()
