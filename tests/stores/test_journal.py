"""What is particular to the file: one writer, crashes, damage, a full disk, compaction."""

import errno
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest

from accounts.core.errors import StoreUnavailable
from accounts.core.ports import AccountStore
from accounts.core.sessions import Session
from accounts.core.users import EmailAddress, User
from accounts.stores import open_store, verify_store
from accounts.stores.errors import StartRefused
from accounts.stores.journal_lines import HEADER
from tests.support import MovableClock

EMAIL = EmailAddress("user@example.com")
USER = User(EMAIL, "hash", "version-1", 1.5)
SID = "5e55104e"
WEEK = 604_800

Open = Callable[[], AccountStore]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.jsonl"


@pytest.fixture
def start(path: Path, clock: MovableClock) -> Iterator[Open]:
    """Open the journal, after closing it where it was open: a restart."""
    opened: list[AccountStore] = []

    def start() -> AccountStore:
        while opened:
            opened.pop().close()
        opened.append(open_store(f"file://{path}", clock))
        return opened[0]

    yield start
    while opened:
        opened.pop().close()


def user(number: int) -> User:
    return replace(USER, email=EmailAddress(f"user{number}@example.com"))


def session(clock: MovableClock) -> Session:
    return Session(SID, int(clock.now) + WEEK, 3, 1_700_000_000.25, ended=True)


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


class FailingDisk:
    """Lets system calls on files fail, as a full or broken disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def fail(self, call: str, code: int = errno.EIO) -> None:
        def failing(*args: object, **kwargs: object) -> None:
            raise OSError(code, os.strerror(code))

        self._monkeypatch.setattr(os, call, failing)

    def fill_up(self, *, after: int) -> None:
        """Take so many bytes of the next write, and then no more."""
        write = os.write
        room = [after]

        def filling(descriptor: int, data: bytes) -> int:
            taken, room[0] = data[: room[0]], max(0, room[0] - len(data))
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, taken)

        self._monkeypatch.setattr(os, "write", filling)

    def mend(self) -> None:
        self._monkeypatch.undo()


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield FailingDisk(monkeypatch)


def test_everything_survives_a_restart(start: Open, clock: MovableClock) -> None:
    store = start()
    store.add_user(USER)
    store.add_users([user(1), user(2)])
    changed = store.update_user(
        EMAIL, lambda known: replace(known, version="v2", password_hash="h2")
    )
    store.update_session(EMAIL, SID, lambda known: session(clock))
    store = start()
    assert store.find(EMAIL, SID) == (changed, session(clock))
    assert store.get_user(user(2).email) == user(2)


def test_a_session_that_expired_meanwhile_is_forgotten(
    start: Open, path: Path, clock: MovableClock
) -> None:
    start().update_session(EMAIL, SID, lambda known: session(clock))
    clock.advance(WEEK)
    assert start().find(EMAIL, SID) == (None, None)
    assert path.read_bytes() == HEADER


def test_a_change_is_in_the_file_when_it_is_answered(start: Open, path: Path) -> None:
    start().add_user(USER)
    assert json.loads(lines(path)[1])["user"]["email"] == EMAIL


def test_a_value_that_is_returned_unchanged_is_not_written(
    start: Open, path: Path, clock: MovableClock
) -> None:
    store = start()
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda known: session(clock))
    written = path.read_bytes()
    store.update_user(EMAIL, lambda known: known)
    store.update_session(EMAIL, SID, lambda known: session(clock))
    store.add_users([USER])
    assert path.read_bytes() == written


def test_only_its_owner_can_read_the_file(start: Open, path: Path) -> None:
    path.write_bytes(HEADER)
    path.chmod(0o644)
    start()
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    start()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Path(f"{path}.lock").stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_a_new_journal(start: Open, path: Path) -> None:
    path.touch()
    start().add_user(USER)
    assert start().get_user(EMAIL) == USER


# One writer.


def test_a_second_store_on_the_file_is_refused(
    start: Open, path: Path, clock: MovableClock
) -> None:
    start()
    with pytest.raises(StartRefused, match=str(path)):
        open_store(f"file://{path}", clock)


def test_a_second_process_is_refused_by_the_files_name(start: Open, path: Path) -> None:
    start().add_user(USER)
    written = path.read_bytes()
    code = f"from accounts.stores import verify_store; verify_store('file://{path}')"
    second = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, text=True
    )
    assert second.returncode
    assert f"{path} is in use by another process" in second.stderr
    assert path.read_bytes() == written


def test_a_link_to_the_file_is_the_same_file(start: Open, path: Path, clock: MovableClock) -> None:
    start()
    link = path.with_name("link.jsonl")
    link.symlink_to(path)
    with pytest.raises(StartRefused, match="in use"):
        open_store(f"file://{link}", clock)


def test_the_lock_outlives_compaction(start: Open, path: Path, clock: MovableClock) -> None:
    store = start()
    store.add_user(USER)
    for number in range(5):
        store.update_user(EMAIL, lambda known, n=number: replace(known, version=str(n)))  # type: ignore[misc]
    start()
    assert len(lines(path)) == 2
    with pytest.raises(StartRefused, match="in use"):
        open_store(f"file://{path}", clock)


FAMILY = """
import os, sys, time
from accounts.core.errors import DuplicateEmail
from accounts.core.users import User
from accounts.stores import open_store, verify_store
from accounts.stores.errors import StartRefused

url, (asked, answer) = sys.argv[1], os.pipe()
verify_store(url)
verify_store(url)
if not (serving := os.fork()):
    store = open_store(url, time.time)
    store.add_user(User("user@example.com", "hash", "version-1", 1.5))
    os.write(answer, b"open")
    time.sleep(60)
os.read(asked, 4)
if not (intruding := os.fork()):
    try:
        open_store(url, time.time)
    except StartRefused:
        os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(intruding, 0)[1]))
os.kill(serving, 9)
os.waitpid(serving, 0)
"""


def test_a_parents_lock_serves_one_of_its_children(path: Path, start: Open) -> None:
    family = subprocess.run(
        [sys.executable, "-c", FAMILY, f"file://{path}"], capture_output=True, text=True, check=True
    )
    assert family.stdout == "3\n"
    assert start().get_user(EMAIL) == USER


# Crashes and damage.


@pytest.mark.parametrize("kept", [1, 10, 40, -1])
def test_a_torn_last_line_is_dropped_with_a_warning(
    start: Open, path: Path, caplog: pytest.LogCaptureFixture, kept: int
) -> None:
    store = start()
    store.add_user(USER)
    store.add_user(user(1))
    *whole, last = lines(path)
    store.close()
    path.write_bytes(b"".join(whole) + last[:kept])
    store = start()
    assert store.get_user(EMAIL) == USER
    assert store.get_user(user(1).email) is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(path) in caplog.text
    store.add_user(user(2))
    assert start().get_user(user(2).email) == user(2)


def test_a_last_line_that_the_disk_never_filled_is_torn(start: Open, path: Path) -> None:
    start().add_user(USER)
    with path.open("ab") as file:
        file.write(b'{"crc32":"' + bytes(100) + b"\n")
    assert start().get_user(EMAIL) == USER
    assert len(lines(path)) == 2


@pytest.mark.parametrize("line", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.replace(b"e", b"f", 1),
        lambda line: line[: len(line) // 2] + b"\n",
        lambda line: b"\n",
        lambda line: b"\xff" + line,
        lambda line: b"[" * 1000 + b"\n",
    ],
    ids=["changed", "shortened", "emptied", "no UTF-8", "nested"],
)
def test_damage_refuses_the_start_by_line_and_touches_nothing(
    start: Open, path: Path, line: int, damage: Callable[[bytes], bytes]
) -> None:
    store = start()
    store.add_users([USER, user(1), user(2)])
    store.close()
    content = lines(path)
    content[line - 1] = damage(content[line - 1])
    path.write_bytes(b"".join(content))
    damaged = path.read_bytes()
    for refuse in (lambda: verify_store(f"file://{path}"), start):
        with pytest.raises(StartRefused, match=rf"{path} line {line} "):
            refuse()
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("content", [b"{}", b'{"email":"a@b.c"}\n', b"\0" * 100, HEADER[:10]])
def test_another_kind_of_file_is_refused_and_left_alone(
    start: Open, path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    with pytest.raises(StartRefused, match="line 1 does not say that this is a journal"):
        start()
    assert path.read_bytes() == content


def test_a_line_that_is_sound_and_says_nothing_known_is_damage(start: Open, path: Path) -> None:
    body = b'"other":{}}'
    path.write_bytes(HEADER + b'{"crc32":"%08x",%s\n' % (crc32(body), body) + b"\n")
    with pytest.raises(StartRefused, match="line 2 is damaged"):
        start()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, clock: MovableClock) -> None:
    for refuse in (verify_store, lambda url: open_store(url, clock)):
        with pytest.raises(StartRefused, match=r"missing/accounts.jsonl.lock cannot be written"):
            refuse(f"file://{tmp_path}/missing/accounts.jsonl")


def test_a_folder_in_the_files_place_is_refused(start: Open, path: Path) -> None:
    path.mkdir()
    with pytest.raises(StartRefused, match="is no file"):
        verify_store(f"file://{path}")
    with pytest.raises(StartRefused, match="cannot be read and written"):
        start()


def test_a_file_that_cannot_be_opened_is_refused(
    start: Open, path: Path, disk: FailingDisk
) -> None:
    start().close()
    disk.fail("fchmod", errno.EPERM)
    with pytest.raises(StartRefused, match="cannot be read and written"):
        start()


def test_a_file_that_cannot_be_read_is_refused(
    start: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start().close()

    def failing(self: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(StartRefused, match=f"{path} cannot be read and written"):
        verify_store(f"file://{path}")


def test_verifying_reads_a_whole_journal_and_makes_none(start: Open, path: Path) -> None:
    verify_store(f"file://{path}")
    assert not path.exists()
    start().add_user(USER)
    start().close()
    verify_store(f"file://{path}")


def test_progress_is_logged_while_a_long_journal_is_read(
    start: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start().add_users([user(number) for number in range(10_000)])
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("accounts.stores.journal.PROGRESS_SECONDS", 0)
    start()
    assert "100 %" in caplog.text


# A full or broken disk.


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
        lambda: store.update_user(EMAIL, lambda known: replace(known, version="v2")),
        lambda: store.update_session(EMAIL, SID, lambda known: session(clock)),
    ):
        with pytest.raises(StoreUnavailable):
            refused()
    assert path.read_bytes() == written
    assert store.find(EMAIL, SID) == (USER, None)
    assert store.get_user(user(1).email) is None
    store.check()
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


# Compaction.


def churn(store: AccountStore, times: int) -> None:
    for number in range(times):
        store.update_user(EMAIL, lambda known, n=number: replace(known, version=f"v{n}"))  # type: ignore[misc]


def test_a_start_drops_dead_lines(start: Open, path: Path, clock: MovableClock) -> None:
    store = start()
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda known: session(clock))
    churn(store, 10)
    assert len(lines(path)) == 13
    store = start()
    assert len(lines(path)) == 3
    assert store.find(EMAIL, SID) == (replace(USER, version="v9"), session(clock))


def test_a_running_service_drops_dead_lines_when_most_are(
    start: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.stores.journal.FEW_LINES", 20)
    store = start()
    store.add_user(USER)
    churn(store, 100)
    assert len(lines(path)) < 30
    assert start().get_user(EMAIL) == replace(USER, version="v99")


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
    monkeypatch.setattr("accounts.stores.journal.FEW_LINES", 5)
    churn(store, 10)
    assert read
    assert None not in read


def test_a_compaction_that_fails_harms_nothing_and_is_not_tried_at_every_change(
    start: Open, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("accounts.stores.journal.FEW_LINES", 5)

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
    assert start().get_user(EMAIL) == replace(USER, version="v39")
    assert len(lines(path)) == 2


def test_a_large_file_is_compacted_in_pieces(start: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.stores.appendfile.CHUNK_BYTES", 200)
    store = start()
    store.add_users([USER, *map(user, range(10))])
    churn(store, 20)
    store = start()
    assert store.get_user(EMAIL) == replace(USER, version="v19")
    assert [store.get_user(user(number).email) for number in range(10)] == [*map(user, range(10))]


def test_what_a_crash_left_of_a_compaction_is_no_obstacle(start: Open, path: Path) -> None:
    store = start()
    store.add_user(USER)
    churn(store, 10)
    Path(f"{path}.new").write_bytes(b"half")
    assert start().get_user(EMAIL) == replace(USER, version="v9")
    assert not Path(f"{path}.new").exists()


def test_after_a_compaction_whose_rename_may_be_lost_changes_wait_for_the_folder(
    start: Open, path: Path, disk: FailingDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.stores.journal.FEW_LINES", 5)
    store = start()
    store.add_user(USER)

    def unsynced(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("accounts.stores.appendfile._sync_folder", unsynced)
    churn(store, 7)
    with pytest.raises(StoreUnavailable):
        store.update_user(EMAIL, lambda known: replace(known, version="refused"))
    monkeypatch.undo()
    store.update_user(EMAIL, lambda known: replace(known, version="made"))
    assert start().get_user(EMAIL) == replace(USER, version="made")
