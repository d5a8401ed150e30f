"""Dead lines are dropped."""

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
from tests.support.journal import (
    EMAIL,
    SID,
    USER,
    FailingDisk,
    Open,
    lines,
    session,
    user,
)


def churn(store: AccountStore, times: int) -> None:
    for number in range(times):
        store.update_user(EMAIL, lambda known, n=number: replace(known, security_stamp=f"v{n}"))  # type: ignore[misc]  # no type for a default


def test_a_start_drops_dead_lines(start: Open, path: Path, clock: MovableClock) -> None:
    store = start()
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda known: session(clock))
    churn(store, 10)
    assert len(lines(path)) == 13
    store = start()
    assert len(lines(path)) == 3
    assert store.get_user_and_session(EMAIL, SID) == (
        replace(USER, security_stamp="v9"),
        session(clock),
    )


def test_a_running_service_drops_dead_lines_when_most_are(
    start: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.stores.journal.store.MIN_DEAD_LINES", 20)
    store = start()
    store.add_user(USER)
    churn(store, 100)
    assert len(lines(path)) < 30
    assert start().get_user(EMAIL) == replace(USER, security_stamp="v99")


def test_reads_go_on_while_the_file_is_compacted(
    start: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = start()
    store.add_user(USER)
    replace_file = Path.replace
    read: list[User | None] = []

    def slow_replace(self: Path, target: Path) -> Path:
        reader = threading.Thread(target=lambda: read.append(store.get_user(EMAIL)))
        reader.start()
        reader.join(5)
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", slow_replace)
    monkeypatch.setattr("accounts.stores.journal.store.MIN_DEAD_LINES", 5)
    churn(store, 10)
    assert read
    assert None not in read


def test_a_compaction_that_fails_harms_nothing_and_is_not_tried_at_every_change(
    start: Open, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("accounts.stores.journal.store.MIN_DEAD_LINES", 5)

    def failing(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = start()
    store.add_user(USER)
    monkeypatch.setattr(Path, "replace", failing)
    churn(store, 40)
    assert len(lines(path)) == 42
    assert not Path(f"{path}.new").exists()
    assert len(caplog.records) == 3
    monkeypatch.undo()
    assert start().get_user(EMAIL) == replace(USER, security_stamp="v39")
    assert len(lines(path)) == 2


def test_a_large_file_is_compacted_in_pieces(start: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.stores.journal.append_file.CHUNK_BYTES", 200)
    store = start()
    store.add_users([USER, *map(user, range(10))])
    churn(store, 20)
    store = start()
    assert store.get_user(EMAIL) == replace(USER, security_stamp="v19")
    assert [store.get_user(user(number).email) for number in range(10)] == [*map(user, range(10))]


def test_what_a_crash_left_of_a_compaction_is_no_obstacle(start: Open, path: Path) -> None:
    store = start()
    store.add_user(USER)
    churn(store, 10)
    Path(f"{path}.new").write_bytes(b"half")
    assert start().get_user(EMAIL) == replace(USER, security_stamp="v9")
    assert not Path(f"{path}.new").exists()


def test_after_a_compaction_whose_rename_may_be_lost_changes_wait_for_the_folder(
    start: Open, path: Path, disk: FailingDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.stores.journal.store.MIN_DEAD_LINES", 5)
    store = start()
    store.add_user(USER)

    def unsynced(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("accounts.stores.journal.append_file._sync_folder", unsynced)
    churn(store, 7)
    with pytest.raises(StoreUnavailable):
        store.update_user(EMAIL, lambda known: replace(known, security_stamp="refused"))
    monkeypatch.undo()
    store.update_user(EMAIL, lambda known: replace(known, security_stamp="made"))
    assert start().get_user(EMAIL) == replace(USER, security_stamp="made")
