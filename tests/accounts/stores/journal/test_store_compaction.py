"""Compaction: obsolete lines are dropped."""

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import User
from tests.support.api import MovableClock
from tests.support.journal import Reopen, read_lines
from tests.support.stores import EMAIL, SID, USER, make_user, revoked_session, set_stamp


def update_user(store: AccountStore, times: int) -> None:
    for number in range(times):
        store.update_user(EMAIL, set_stamp(f"v{number}"))


def compact_beyond(obsolete_lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.stores.journal.store.MIN_OBSOLETE_LINES", obsolete_lines)


def test_start_drops_obsolete_lines(reopen: Reopen, path: Path, clock: MovableClock) -> None:
    store = reopen()
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
    update_user(store, 10)
    assert len(read_lines(path)) == 13
    expected = replace(USER, security_stamp="v9"), revoked_session(clock)
    assert reopen().get_user_and_session(EMAIL, SID) == expected
    assert len(read_lines(path)) == 3


def test_running_store_drops_many_obsolete_lines(
    reopen: Reopen, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact_beyond(20, monkeypatch)
    store = reopen()
    store.add_user(USER)
    update_user(store, 100)
    assert len(read_lines(path)) < 30
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="v99")


def test_reads_work_during_compaction(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> None:
    compact_beyond(5, monkeypatch)
    store = reopen()
    store.add_user(USER)
    replace_file = Path.replace
    found: list[User | None] = []

    def read_and_replace(self: Path, target: Path) -> Path:
        reader = threading.Thread(target=lambda: found.append(store.get_user(EMAIL)))
        reader.start()
        reader.join(5)
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", read_and_replace)
    update_user(store, 10)
    assert found
    assert None not in found


def test_failed_compaction_is_not_retried_each_time(
    reopen: Reopen, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    compact_beyond(5, monkeypatch)
    store = reopen()
    store.add_user(USER)
    monkeypatch.setattr(Path, "replace", fail)
    update_user(store, 40)
    assert len(read_lines(path)) == 42
    assert not Path(f"{path}.new").exists()
    assert len(caplog.records) == 3
    monkeypatch.undo()
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="v39")
    assert len(read_lines(path)) == 2


def test_compaction_of_large_file_keeps_all_users(reopen: Reopen) -> None:
    users = [make_user(number) for number in range(1000)]
    store = reopen()
    store.add_users([USER, *users])
    update_user(store, 200)
    store = reopen()
    assert store.get_user(EMAIL) == replace(USER, security_stamp="v199")
    assert [store.get_user(user.email) for user in users] == users


def test_temporary_file_of_crash_is_replaced(reopen: Reopen, path: Path) -> None:
    store = reopen()
    store.add_user(USER)
    update_user(store, 10)
    Path(f"{path}.new").write_bytes(b"half")
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="v9")
    assert not Path(f"{path}.new").exists()


def test_changes_fail_until_folder_is_synced(
    reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    compact_beyond(5, monkeypatch)
    store = reopen()
    store.add_user(USER)
    monkeypatch.setattr("accounts.stores.journal.append_file._sync_folder", fail)
    update_user(store, 7)  # The last one compacts: a crash might bring the old file back.
    with pytest.raises(StoreUnavailable):
        store.update_user(EMAIL, set_stamp("refused"))
    monkeypatch.undo()
    store.update_user(EMAIL, set_stamp("stored"))
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="stored")
