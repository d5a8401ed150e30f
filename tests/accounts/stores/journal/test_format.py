"""What a crash leaves is dropped; any other damage refuses the start."""

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from accounts.domain.errors import StartupError
from accounts.stores import check_store, open_store
from accounts.stores.journal.format import HEADER
from tests.support.api import MovableClock
from tests.support.journal import (
    EMAIL,
    USER,
    FailingDisk,
    Open,
    lines,
    user,
)


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
    for refuse in (lambda: check_store(f"file://{path}"), start):
        with pytest.raises(StartupError, match=rf"{path} line {line} "):
            refuse()
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("content", [b"{}", b'{"email":"a@b.c"}\n', b"\0" * 100, HEADER[:10]])
def test_another_kind_of_file_is_refused_and_left_alone(
    start: Open, path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    with pytest.raises(StartupError, match="line 1 does not say that this is a journal"):
        start()
    assert path.read_bytes() == content


def test_a_line_that_is_sound_and_says_nothing_known_is_damage(start: Open, path: Path) -> None:
    body = b'"other":{}}'
    path.write_bytes(HEADER + b'{"crc32":"%08x",%s\n' % (crc32(body), body) + b"\n")
    with pytest.raises(StartupError, match="line 2 is damaged"):
        start()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, clock: MovableClock) -> None:
    for refuse in (check_store, lambda url: open_store(url, clock)):
        with pytest.raises(StartupError, match=r"missing/accounts.jsonl.lock cannot be written"):
            refuse(f"file://{tmp_path}/missing/accounts.jsonl")


def test_a_folder_in_the_files_place_is_refused(start: Open, path: Path) -> None:
    path.mkdir()
    with pytest.raises(StartupError, match="is no file"):
        check_store(f"file://{path}")
    with pytest.raises(StartupError, match="cannot be read and written"):
        start()


def test_a_file_that_cannot_be_opened_is_refused(
    start: Open, path: Path, disk: FailingDisk
) -> None:
    start().close()
    disk.fail("fchmod", errno.EPERM)
    with pytest.raises(StartupError, match="cannot be read and written"):
        start()


def test_a_file_that_cannot_be_read_is_refused(
    start: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start().close()

    def failing(self: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(StartupError, match=f"{path} cannot be read and written"):
        check_store(f"file://{path}")


def test_verifying_reads_a_whole_journal_and_makes_none(start: Open, path: Path) -> None:
    check_store(f"file://{path}")
    assert not path.exists()
    start().add_user(USER)
    start().close()
    check_store(f"file://{path}")


def test_progress_is_logged_while_a_long_journal_is_read(
    start: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start().add_users([user(number) for number in range(10_000)])
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("accounts.stores.journal.store.PROGRESS_SECONDS", 0)
    start()
    assert "100 %" in caplog.text
