"""An incomplete last line is dropped; a file with any other damage is refused."""

import errno
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from accounts.domain.errors import StartupError
from accounts.stores import check_store, open_store
from accounts.stores.journal.format import HEADER, encode
from tests.support.api import MovableClock
from tests.support.journal import FailingDisk, Reopen, read_lines
from tests.support.stores import EMAIL, USER, make_user


@pytest.mark.parametrize("kept", [1, 10, 40, -1])
def test_torn_last_line_is_dropped_with_warning(
    reopen: Reopen, path: Path, caplog: pytest.LogCaptureFixture, kept: int
) -> None:
    store = reopen()
    store.add_users([USER, make_user(1)])
    store.close()
    *complete, last = read_lines(path)
    path.write_bytes(b"".join(complete) + last[:kept])
    store = reopen()
    assert store.get_user(EMAIL) == USER
    assert store.get_user(make_user(1).email) is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(path) in caplog.text
    store.add_user(make_user(2))
    assert reopen().get_user(make_user(2).email) == make_user(2)


def test_last_line_of_zeros_is_dropped(reopen: Reopen, path: Path) -> None:
    reopen().add_user(USER)
    with path.open("ab") as file:
        file.write(b'{"crc32":"' + bytes(100) + b"\n")
    assert reopen().get_user(EMAIL) == USER
    assert len(read_lines(path)) == 2


@pytest.mark.parametrize("line", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.replace(b"e", b"f", 1),
        lambda line: line[: len(line) // 2] + b"\n",
        lambda line: b"\n",
        lambda line: b"\xff" + line,
    ],
    ids=["changed", "shortened", "emptied", "no UTF-8"],
)
def test_damaged_line_is_refused_by_number(
    reopen: Reopen, path: Path, line: int, damage: Callable[[bytes], bytes]
) -> None:
    store = reopen()
    store.add_users([USER, make_user(1), make_user(2)])
    store.close()
    content = read_lines(path)
    content[line - 1] = damage(content[line - 1])
    damaged = b"".join(content)
    path.write_bytes(damaged)
    for attempt in (lambda: check_store(f"file://{path}"), reopen):
        with pytest.raises(StartupError, match=rf"{path} line {line} "):
            attempt()
        assert path.read_bytes() == damaged


def test_line_with_a_value_of_the_wrong_type_is_refused(reopen: Reopen, path: Path) -> None:
    wrong: Any = None
    broken = replace(USER, password_hash=wrong)
    path.write_bytes(HEADER + encode(broken))
    with pytest.raises(StartupError, match=rf"{path} line 2 is damaged"):
        reopen()


@pytest.mark.parametrize("content", [b"{}", b'{"email":"a@b.c"}\n', b"\0" * 100, HEADER[:10]])
def test_file_of_other_kind_is_refused(reopen: Reopen, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StartupError, match="line 1 does not say that this is a journal"):
        reopen()
    assert path.read_bytes() == content


@pytest.mark.parametrize("body", [b'"other":{}}', b'"user":[]}', b'"user":{"email":"a@b.c"}}'])
def test_line_without_known_record_is_refused(reopen: Reopen, path: Path, body: bytes) -> None:
    path.write_bytes(HEADER + b'{"crc32":"%08x",%s\n' % (crc32(body), body) + b"\n")
    with pytest.raises(StartupError, match="line 2 is damaged"):
        reopen()


def test_missing_folder_is_refused(tmp_path: Path, clock: MovableClock) -> None:
    for attempt in (check_store, lambda url: open_store(url, clock)):
        with pytest.raises(StartupError, match=r"missing/accounts.jsonl.lock cannot be"):
            attempt(f"file://{tmp_path}/missing/accounts.jsonl")


def test_folder_in_place_of_file_is_refused(reopen: Reopen, path: Path) -> None:
    path.mkdir()
    for attempt in (lambda: check_store(f"file://{path}"), reopen):
        with pytest.raises(StartupError, match=r"cannot be read and written \(Is a directory\)"):
            attempt()


def test_file_that_cannot_be_changed_is_refused(
    reopen: Reopen, path: Path, disk: FailingDisk
) -> None:
    disk.fail("fchmod", errno.EPERM)
    with pytest.raises(StartupError, match=f"{path} cannot be read and written"):
        reopen()


def test_file_that_cannot_be_read_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    path.write_bytes(HEADER)
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(StartupError, match=f"{path} cannot be read and written"):
        check_store(f"file://{path}")


def test_file_that_is_mounted_alone_is_refused(
    path: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    path.touch()
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StartupError, match="mount the file's folder"):
        reopen()


def test_check_missing_file_creates_none(path: Path) -> None:
    check_store(f"file://{path}")
    assert not path.exists()


def test_check_reads_whole_journal(reopen: Reopen, path: Path) -> None:
    store = reopen()
    store.add_user(USER)
    store.close()
    check_store(f"file://{path}")


def test_reading_long_journal_logs_progress(
    reopen: Reopen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reopen().add_users([make_user(number) for number in range(20)])
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("accounts.stores.journal.store.PROGRESS_LINES", 10)
    reopen()
    assert "read 20 records" in caplog.text
