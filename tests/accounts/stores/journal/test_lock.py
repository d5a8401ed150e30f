"""One process at a time writes a journal."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from accounts.domain.errors import StartupError
from accounts.domain.interfaces import AccountStore
from accounts.stores import check_store, open_store
from accounts.stores.journal.format import HEADER
from tests.support.api import MovableClock
from tests.support.journal import Reopen, wait_for_compaction
from tests.support.stores import EMAIL, USER, set_stamp

CHECK = "import sys; from accounts.stores import check_store; check_store(sys.argv[1])"

# As `serve` does: the parent checks, and a forked child opens. Another child tries to open too.
TWO_CHILDREN = """
import os, sys, time
from accounts.domain.errors import StartupError
from accounts.domain.users import User
from accounts.stores import open_store, check_store

url = sys.argv[1]
read_end, write_end = os.pipe()
check_store(url)
if not (writer := os.fork()):
    store = open_store(url, time.time)
    store.add_user(User("user@example.com", "hash", "version-1", 1.5))
    os.write(write_end, b"open")
    time.sleep(60)
os.read(read_end, 4)
if not (sibling := os.fork()):
    try:
        open_store(url, time.time)
    except StartupError:
        os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(sibling, 0)[1]))
os.kill(writer, 9)
os.waitpid(writer, 0)
"""


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, check=False, text=True)


def test_open_twice_in_one_process_is_refused(
    reopen: Reopen, path: Path, clock: MovableClock
) -> None:
    reopen()
    with pytest.raises(StartupError, match=f"{path} is in use"):
        open_store(f"file://{path}", clock)


def test_check_in_second_process_is_refused(reopen: Reopen, path: Path) -> None:
    reopen().add_user(USER)
    written = path.read_bytes()
    second = run_python(CHECK, f"file://{path}")
    assert second.returncode
    assert f"{path} is in use by another process" in second.stderr
    assert path.read_bytes() == written


def test_open_through_link_is_refused(reopen: Reopen, path: Path, clock: MovableClock) -> None:
    reopen()
    link = path.with_name("link.jsonl")
    link.symlink_to(path)
    with pytest.raises(StartupError, match="in use"):
        open_store(f"file://{link}", clock)


def test_compaction_keeps_lock(reopen: Reopen, path: Path, clock: MovableClock) -> None:
    store = reopen()
    store.add_user(USER)
    for number in range(5):
        store.update_user(EMAIL, set_stamp(str(number)))
    reopen()
    wait_for_compaction(path, lines=2)
    with pytest.raises(StartupError, match="in use"):
        open_store(f"file://{path}", clock)


@pytest.mark.parametrize("name", ["accounts.jsonl", "other.jsonl"])
def test_open_without_lock_file_is_refused(
    reopen: Reopen, path: Path, clock: MovableClock, name: str
) -> None:
    reopen().add_user(USER)
    Path(f"{path}.lock").unlink()
    other = path.with_name(name)
    if other != path:
        other.hardlink_to(path)
    for attempt in (lambda: check_store(f"file://{other}"), lambda: open_store_at(other, clock)):
        with pytest.raises(StartupError, match=f"{other} is in use"):
            attempt()


def test_open_after_compaction_without_lock_file_is_refused(
    reopen: Reopen, path: Path, clock: MovableClock
) -> None:
    store = reopen()
    store.add_user(USER)
    for number in range(5):
        store.update_user(EMAIL, set_stamp(str(number)))
    reopen()
    wait_for_compaction(path, lines=2)
    Path(f"{path}.lock").unlink()
    with pytest.raises(StartupError, match="in use"):
        open_store_at(path, clock)


def test_file_with_two_names_is_refused(reopen: Reopen, path: Path) -> None:
    path.write_bytes(HEADER)
    path.with_name("other.jsonl").hardlink_to(path)
    for attempt in (lambda: check_store(f"file://{path}"), reopen):
        with pytest.raises(StartupError, match=rf"{path} has 2 names \(hard links\)"):
            attempt()
    assert path.read_bytes() == HEADER


def test_file_replaced_while_it_is_opened_is_refused(
    reopen: Reopen, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another service has compacted between the opening of the file and its lock."""
    flock = fcntl.flock

    def replace_and_lock(descriptor: int, operation: int) -> None:
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            path.with_name("new").write_bytes(HEADER)
            path.with_name("new").replace(path)
        flock(descriptor, operation)

    path.write_bytes(HEADER)
    monkeypatch.setattr(fcntl, "flock", replace_and_lock)
    with pytest.raises(StartupError, match=f"{path} is in use"):
        reopen()


def open_store_at(path: Path, clock: MovableClock) -> AccountStore:
    return open_store(f"file://{path}", clock)


def test_check_releases_lock(reopen: Reopen, path: Path) -> None:
    check_store(f"file://{path}")
    check_store(f"file://{path}")
    reopen()


def test_open_after_check_is_refused_if_taken(
    reopen: Reopen, path: Path, clock: MovableClock
) -> None:
    check_store(f"file://{path}")
    reopen()
    with pytest.raises(StartupError, match="in use"):
        open_store(f"file://{path}", clock)


def test_failed_open_releases_lock(reopen: Reopen, path: Path) -> None:
    path.write_bytes(b"damaged")
    with pytest.raises(StartupError, match="line 1"):
        reopen()
    path.unlink()
    reopen()


def test_lock_forked_siblings_one_opens(path: Path, reopen: Reopen) -> None:
    parent = run_python(TWO_CHILDREN, f"file://{path}")
    assert (parent.stdout, parent.stderr) == ("3\n", "")
    stored = reopen().get_user(EMAIL)  # The lock of the killed writer is gone.
    assert stored is not None
    assert stored.password_hash == "hash"
