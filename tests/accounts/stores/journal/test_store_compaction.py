"""Compaction: obsolete lines are dropped, in a thread, while the store writes on."""

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import User
from accounts.stores.journal import compaction
from accounts.stores.journal.append_file import AppendOnlyFile
from accounts.stores.journal.compaction import Canceled, Compaction
from accounts.stores.journal.format import HEADER
from tests.support.api import MovableClock
from tests.support.journal import (
    Reopen,
    read_lines,
    run_before_swap,
    wait_for_compaction,
    wait_for_no_compaction,
)
from tests.support.stores import EMAIL, SID, USER, make_user, revoked_session, set_stamp
from tests.support.valkey import wait_until


def update_user(store: AccountStore, times: int) -> None:
    for number in range(times):
        store.update_user(EMAIL, set_stamp(f"v{number}"))


@pytest.fixture
def compact(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AccountStore]:
    """Return a store with two users, whose next change starts a compaction."""

    def prepare() -> AccountStore:
        store = reopen()
        store.add_users([USER, make_user(1)])
        update_user(store, 5)
        monkeypatch.setattr("accounts.stores.journal.store.MIN_OBSOLETE_LINES", 2)
        return store

    return prepare


def test_start_drops_obsolete_lines(reopen: Reopen, path: Path, clock: MovableClock) -> None:
    store = reopen()
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
    update_user(store, 10)
    assert len(read_lines(path)) == 13
    expected = replace(USER, security_stamp="v9"), revoked_session(clock)
    assert reopen().get_user_and_session(EMAIL, SID) == expected
    wait_for_compaction(path, lines=3)
    assert reopen().get_user_and_session(EMAIL, SID) == expected


def test_start_without_obsolete_lines_keeps_the_file(
    reopen: Reopen, path: Path, clock: MovableClock
) -> None:
    store = reopen()
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
    written = path.stat()
    reopen()
    wait_for_no_compaction()
    assert os.path.samestat(path.stat(), written)


def test_running_store_drops_many_obsolete_lines(
    compact: Callable[[], AccountStore], reopen: Reopen, path: Path
) -> None:
    store = compact()
    store.update_user(EMAIL, set_stamp("last"))
    wait_for_compaction(path, lines=3)
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="last")


def test_next_compaction_waits_until_as_many_lines_are_obsolete_again(
    reopen: Reopen, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reopen()
    store.add_users([USER, *map(make_user, range(3))])
    monkeypatch.setattr("accounts.stores.journal.store.MIN_OBSOLETE_LINES", 6)
    daemons: list[bool] = []
    stamps = count()

    def change(times: int) -> None:
        for _ in range(times):
            store.update_user(EMAIL, set_stamp(str(next(stamps))))

    def change_meanwhile() -> None:
        daemons.append(threading.current_thread().daemon)
        change(7)

    run_before_swap(monkeypatch, change_meanwhile)
    # The eleventh is one more than the four live lines and six.
    change(11)
    # The header, the users, and the changes meanwhile.
    wait_for_compaction(path, lines=1 + 4 + 7)
    assert daemons == [True]  # The end of the process does not wait for it.
    # Twice the seven obsolete lines that are left, which is more than ten.
    change(7)
    wait_for_no_compaction()
    assert len(read_lines(path)) == 1 + 4 + 14
    change(1)
    wait_for_compaction(path, lines=1 + 4)
    change(10)
    wait_for_no_compaction()
    assert len(read_lines(path)) == 1 + 4 + 10


def test_reads_work_while_file_is_replaced(
    compact: Callable[[], AccountStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = compact()
    replace_file = Path.replace
    found: list[User | None] = []

    def read_and_replace(self: Path, target: Path) -> Path:
        reader = threading.Thread(target=lambda: found.append(store.get_user(EMAIL)))
        reader.start()
        reader.join(5)
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", read_and_replace)
    store.update_user(EMAIL, set_stamp("last"))
    wait_until(lambda: bool(found))
    assert found == [replace(USER, security_stamp="last")]


def test_changes_during_compaction_are_kept(
    compact: Callable[[], AccountStore],
    reopen: Reopen,
    path: Path,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = compact()

    def change_all() -> None:
        store.update_user(EMAIL, set_stamp("during"))
        store.delete_user(make_user(1).email, lambda user: user)
        store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
        store.add_users([make_user(number) for number in range(2, 1000)])  # over MAX_REST_BYTES

    run_before_swap(monkeypatch, change_all)
    store.update_user(EMAIL, set_stamp("before"))
    # The header, two users, and the 1,001 later lines.
    wait_for_compaction(path, lines=1004)
    store.update_user(make_user(2).email, set_stamp("after"))
    store = reopen()
    assert store.count_users() == 999
    assert store.get_user_and_session(EMAIL, SID) == (
        replace(USER, security_stamp="during"),
        revoked_session(clock),
    )
    assert store.get_user(make_user(2).email) == replace(make_user(2), security_stamp="after")


@pytest.mark.parametrize("chunk", ["line", "whole file"])
def test_close_during_compaction_keeps_old_file(
    compact: Callable[[], AccountStore],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    chunk: str,
) -> None:
    store = compact()
    if chunk == "line":
        monkeypatch.setattr(compaction, "CHUNK_BYTES", 1)
        monkeypatch.setattr(compaction, "SLICE_SECONDS", 0)
    done = run_before_swap(monkeypatch, store.close)
    store.update_user(EMAIL, set_stamp("last"))
    wait_until(lambda: bool(done))
    wait_for_no_compaction()
    assert len(read_lines(path)) == 9
    assert not Path(f"{path}.new").exists()
    assert caplog.messages == []


def test_canceled_compaction_stops_between_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "SLICE_SECONDS", 0)
    source = AppendOnlyFile(tmp_path / "source")
    source.append(HEADER + b"line\n")
    target = AppendOnlyFile(tmp_path / "target")
    canceled = Compaction(source, target, lambda line: True)
    canceled.canceled.set()
    with pytest.raises(Canceled):
        canceled.copy()
    source.close()
    target.close()
    assert (tmp_path / "target").read_bytes() == b""


def test_file_removed_during_compaction_is_written_again(
    compact: Callable[[], AccountStore],
    reopen: Reopen,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = compact()

    def remove_and_change() -> None:
        path.unlink()
        store.update_user(EMAIL, set_stamp("during"))

    done = run_before_swap(monkeypatch, remove_and_change)
    store.update_user(EMAIL, set_stamp("before"))
    wait_until(lambda: bool(done))
    wait_for_no_compaction()
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="during")


def test_file_changed_during_compaction_is_not_replaced_silently(
    compact: Callable[[], AccountStore],
    reopen: Reopen,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = compact()
    run_before_swap(monkeypatch, lambda: path.write_bytes(HEADER))
    store.update_user(EMAIL, set_stamp("before"))
    wait_until(lambda: "was not compacted: the file was changed by another" in caplog.text)
    assert path.read_bytes() == HEADER
    store.update_user(EMAIL, set_stamp("after"))
    assert Path(f"{path}.conflict").read_bytes() == HEADER
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="after")


def test_new_file_removed_during_compaction_leaves_the_old_one(
    compact: Callable[[], AccountStore],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = compact()
    run_before_swap(monkeypatch, Path(f"{path}.new").unlink)
    store.update_user(EMAIL, set_stamp("before"))
    wait_for_no_compaction()
    assert f"{path} was not compacted: " in caplog.text
    store.update_user(EMAIL, set_stamp("after"))
    wait_for_no_compaction()
    assert len(read_lines(path)) == 10  # It is not compacted at every change.


def test_compaction_finds_damage_and_next_change_repairs_it(
    compact: Callable[[], AccountStore],
    reopen: Reopen,
    path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = compact()
    damaged = path.read_bytes().replace(b"user1", b"userX")
    path.write_bytes(damaged)  # of the same size
    store.update_user(EMAIL, set_stamp("before"))
    wait_until(lambda: "was not compacted" in caplog.text)
    store.update_user(EMAIL, set_stamp("after"))
    assert Path(f"{path}.conflict").read_bytes().startswith(damaged)
    assert f"{path} was damaged by another program" in caplog.text
    assert reopen().get_user(make_user(1).email) == make_user(1)


def test_thread_that_cannot_start_leaves_the_change_stored(
    compact: Callable[[], AccountStore],
    reopen: Reopen,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    store = compact()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        store.update_user(EMAIL, set_stamp("last"))
    assert "was not compacted: can't start new thread" in caplog.text
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="last")


def test_failed_compaction_is_not_retried_each_time(
    compact: Callable[[], AccountStore],
    reopen: Reopen,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = compact()
    monkeypatch.setattr(Path, "replace", fail)
    for number in range(40):
        store.update_user(EMAIL, set_stamp(f"v{number}"))
        wait_for_no_compaction()
    assert len(read_lines(path)) == 48
    assert not Path(f"{path}.new").exists()
    assert len(caplog.records) == 3
    monkeypatch.undo()
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="v39")
    wait_for_compaction(path, lines=3)


def test_compaction_of_large_file_keeps_all_users(
    reopen: Reopen, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "CHUNK_BYTES", 1000)  # far less than the file
    users = [make_user(number) for number in range(1000)]
    store = reopen()
    store.add_users([USER, *users])
    update_user(store, 200)
    store.delete_user(make_user(0).email, lambda user: user)
    reopen()
    wait_for_compaction(path, lines=1001)
    store = reopen()
    assert store.get_user(EMAIL) == replace(USER, security_stamp="v199")
    assert [store.get_user(user.email) for user in users] == [None, *users[1:]]


def test_temporary_file_of_crash_is_removed(reopen: Reopen, path: Path) -> None:
    reopen().add_user(USER)
    Path(f"{path}.new").write_bytes(b"half")
    assert reopen().get_user(EMAIL) == USER
    assert not Path(f"{path}.new").exists()


def test_changes_fail_until_folder_is_synced(
    compact: Callable[[], AccountStore],
    reopen: Reopen,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    store = compact()
    store.update_user(EMAIL, set_stamp("compacts"))
    wait_for_compaction(path, lines=3)
    # A crash might bring the old file back.
    monkeypatch.setattr("accounts.stores.journal.append_file._sync_folder", fail)
    with pytest.raises(StoreUnavailable):
        store.update_user(EMAIL, set_stamp("refused"))
    monkeypatch.undo()
    store.update_user(EMAIL, set_stamp("stored"))
    assert reopen().get_user(EMAIL) == replace(USER, security_stamp="stored")
