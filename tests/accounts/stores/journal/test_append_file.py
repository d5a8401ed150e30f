"""A full or broken disk, and files that other programs take away or change."""

import errno
import logging
import os
from contextlib import closing
from pathlib import Path

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.stores.journal.append_file import AppendOnlyFile
from accounts.stores.journal.format import HEADER, encode
from accounts.stores.journal.store import JournalStore
from accounts.throttled_logging import HOLD_SECONDS
from tests.support.api import MovableClock
from tests.support.journal import FailingDisk, Reopen, wait_for_compaction
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


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_rest_of_a_failed_write_is_no_change_by_another_program(
    store: AccountStore,
    path: Path,
    disk: FailingDisk,
    caplog: pytest.LogCaptureFixture,
    failing: str,
) -> None:
    disk.fill_up(after=10) if failing == "write" else disk.fail(failing)
    disk.fail("ftruncate")
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    disk.repair()
    store.add_user(make_user(2))
    assert "another program" not in caplog.text
    assert path.read_bytes() == HEADER + encode(USER) + encode(make_user(2))


def test_closed_store_writes_nothing(store: AccountStore, path: Path) -> None:
    written = path.read_bytes()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    store.close()
    assert path.read_bytes() == written


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_removed_file_is_written_again(
    store: AccountStore, reopen: Reopen, path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    path.rename(path.with_name("elsewhere")) if how == "renamed" else path.unlink()
    store.add_user(make_user(1))
    assert caplog.messages == [
        f"{path} was removed by another program; it was written again from memory"
    ]
    store = reopen()
    assert store.get_user(EMAIL) == USER
    assert store.get_user(make_user(1).email) == make_user(1)
    assert not Path(f"{path}.conflict").exists()


def test_file_written_again_has_every_session(
    store: AccountStore, reopen: Reopen, path: Path, clock: MovableClock
) -> None:
    store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
    path.unlink()
    store.add_user(make_user(1))
    assert reopen().get_user_and_session(EMAIL, SID) == (USER, revoked_session(clock))


@pytest.mark.parametrize("how", ["replaced", "overwritten", "truncated", "appended to"])
def test_changed_file_is_kept_and_written_again(
    store: AccountStore, reopen: Reopen, path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    foreign = {
        "replaced": HEADER,
        "overwritten": HEADER + encode(make_user(70)) * 2,
        "truncated": b"",
        "appended to": path.read_bytes() + encode(make_user(70)),
    }[how]
    for number in (1, 2):  # again, after the first one was kept
        if how == "replaced":
            path.with_name("backup").write_bytes(foreign)
            path.with_name("backup").replace(path)
        else:
            path.write_bytes(foreign)
        store.add_user(make_user(number))
        conflict = Path(f"{path}.conflict" if number == 1 else f"{path}.conflict.2")
        assert conflict.read_bytes() == foreign
        assert conflict.stat().st_mode & 0o777 == 0o600
    verb = "replaced" if how == "replaced" else "changed"
    assert caplog.messages[1] == (
        f"{path} was {verb} by another program; it was written again from memory, and the other "
        f"content is now {path}.conflict.2"
    )
    store = reopen()
    assert [store.get_user(make_user(number).email) for number in (1, 2, 70)] == [
        make_user(1),
        make_user(2),
        None,
    ]
    assert store.get_user(EMAIL) == USER


@pytest.mark.parametrize("after", ["start", "compaction", "failed write", "failed truncation"])
def test_longer_file_of_another_program_is_kept(
    store: AccountStore, reopen: Reopen, path: Path, disk: FailingDisk, after: str
) -> None:
    if after.startswith("failed"):
        disk.fill_up(after=10)
        if after == "failed truncation":
            disk.fail("ftruncate")
        with pytest.raises(StoreUnavailable):
            store.add_user(make_user(1))
        disk.repair()
    else:
        for number in range(5 if after == "compaction" else 0):
            store.update_user(EMAIL, set_stamp(f"v{number}"))
        store = reopen()
        wait_for_compaction(path, lines=2)
    foreign = HEADER + encode(make_user(70)) * 3
    path.write_bytes(foreign)
    store.add_user(make_user(2))
    assert Path(f"{path}.conflict").read_bytes() == foreign
    emails = {user.email for user in reopen().iter_users()}
    assert emails == {EMAIL, make_user(2).email}


def test_link_in_place_of_the_file_is_kept_and_its_target_stays_as_it_is(
    store: AccountStore, reopen: Reopen, path: Path, tmp_path: Path
) -> None:
    for number in (1, 2):  # again, after the link that was kept has lost its target
        target = tmp_path / f"target{number}"
        target.touch()
        target.chmod(0o644)
        path.unlink()
        path.symlink_to(target)
        store.add_user(make_user(number))
        assert target.stat().st_mode & 0o777 == 0o644
        assert Path(f"{path}.conflict" if number == 1 else f"{path}.conflict.2").is_symlink()
        target.unlink()
    assert reopen().get_user(make_user(2).email) == make_user(2)


def test_file_of_another_user_is_kept_and_written_again(
    store: AccountStore, reopen: Reopen, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    path.with_name("backup").write_bytes(HEADER)
    path.with_name("backup").replace(path)
    monkeypatch.setattr(Path, "hardlink_to", fail)
    store.add_user(make_user(1))
    assert Path(f"{path}.conflict").read_bytes() == HEADER
    assert reopen().get_user(EMAIL) == USER


def test_changed_file_stays_while_it_cannot_be_written_again(
    store: AccountStore, reopen: Reopen, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    path.write_bytes(HEADER)
    monkeypatch.setattr(Path, "replace", fail)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.add_user(make_user(1))
    assert path.read_bytes() == HEADER
    assert {file.name for file in path.parent.iterdir()} == {path.name, f"{path.name}.lock"}
    monkeypatch.undo()
    store.add_user(make_user(1))
    assert reopen().get_user(EMAIL) == USER


def test_probe_finds_full_disk_and_its_repair(
    store: AccountStore,
    reopen: Reopen,
    path: Path,
    disk: FailingDisk,
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk.fill_up(after=100)
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.check_writable()
    [message] = caplog.messages
    assert message.startswith(f"{path} cannot be written; changes are refused: ")
    disk.repair()
    store.check_writable()
    assert path.read_bytes() == HEADER + encode(USER)
    store.add_user(make_user(1))
    assert reopen().get_user(make_user(1).email) == make_user(1)


def test_repaired_disk_is_logged(
    path: Path, clock: MovableClock, disk: FailingDisk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with closing(JournalStore(path, clock, elapsed=clock)) as store:
        disk.fill_up(after=1)
        with pytest.raises(StoreUnavailable):
            store.add_user(USER)
        disk.repair()
        clock.advance(HOLD_SECONDS)
        store.add_user(USER)
    assert f"recovered from: {path} cannot be written" in caplog.messages[-1]


def test_probe_is_not_repeated_within_a_second(
    path: Path, clock: MovableClock, disk: FailingDisk
) -> None:
    with closing(JournalStore(path, clock, elapsed=clock)) as store:
        store.check_writable()
        disk.fail("fsync")
        store.check_writable()
        clock.advance(1)
        with pytest.raises(StoreUnavailable):
            store.check_writable()


def test_first_probe_of_a_machine_that_has_just_started_is_made(
    path: Path, clock: MovableClock, disk: FailingDisk
) -> None:
    with closing(JournalStore(path, clock, elapsed=MovableClock(0))) as store:
        disk.fail("fsync")
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                store.check_writable()


def test_probe_writes_changed_file_again(
    path: Path, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(JournalStore(path, clock, elapsed=clock)) as store:
        store.add_user(USER)
        path.write_bytes(b"")
        clock.advance(1)
        store.check_writable()
    assert path.read_bytes() == HEADER + encode(USER)
    assert "was changed by another program" in caplog.text


def test_zeros_of_interrupted_probe_are_dropped(
    store: AccountStore, reopen: Reopen, path: Path
) -> None:
    store.close()
    with path.open("ab") as file:
        file.write(bytes(512))
    assert reopen().get_user(EMAIL) == USER
    assert path.read_bytes() == HEADER + encode(USER)


def test_new_file_is_private_before_its_first_line(tmp_path: Path) -> None:
    with closing(AppendOnlyFile(tmp_path / "file")):
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_change_by_another_program_is_found_after_a_probe(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with closing(AppendOnlyFile(path)) as file:
        file.probe()
        assert file.find_change() is None
        path.write_bytes(b"more")
        assert file.find_change() == "was changed"


def test_read_beyond_the_end_is_an_error(tmp_path: Path) -> None:
    with closing(AppendOnlyFile(tmp_path / "file")) as file:
        file.append(b"1234")
        assert file.read(1, 3) == b"234"
        with pytest.raises(OSError, match="shorter than it was"):
            file.read(1, 4)


def test_removed_folder_blocks_changes_until_back(
    store: AccountStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = path.parent.rename(path.parent.with_name("away"))
    (away / path.name).unlink()
    with pytest.raises(StoreUnavailable):
        store.add_user(make_user(1))
    assert "written again" not in caplog.text
    away.rename(path.parent)
    store.add_user(make_user(2))
    assert store.get_user(make_user(1).email) is None
    assert path.exists()
