"""One process at a time writes a journal."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from accounts.domain.errors import StartupError
from accounts.stores import open_store
from tests.support.api import MovableClock
from tests.support.journal import EMAIL, USER, Open, lines


def test_a_second_store_on_the_file_is_refused(
    start: Open, path: Path, clock: MovableClock
) -> None:
    start()
    with pytest.raises(StartupError, match=str(path)):
        open_store(f"file://{path}", clock)


def test_a_second_process_is_refused_by_the_files_name(start: Open, path: Path) -> None:
    start().add_user(USER)
    written = path.read_bytes()
    code = f"from accounts.stores import check_store; check_store('file://{path}')"
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
    with pytest.raises(StartupError, match="in use"):
        open_store(f"file://{link}", clock)


def test_the_lock_outlives_compaction(start: Open, path: Path, clock: MovableClock) -> None:
    store = start()
    store.add_user(USER)
    for number in range(5):
        store.update_user(EMAIL, lambda known, n=number: replace(known, security_stamp=str(n)))  # type: ignore[misc]  # no type for a default
    start()
    assert len(lines(path)) == 2
    with pytest.raises(StartupError, match="in use"):
        open_store(f"file://{path}", clock)


FAMILY = """
import os, sys, time
from accounts.domain.errors import DuplicateEmail
from accounts.domain.users import User
from accounts.stores import open_store, check_store
from accounts.domain.errors import StartupError

url, (asked, answer) = sys.argv[1], os.pipe()
check_store(url)
check_store(url)
if not (serving := os.fork()):
    store = open_store(url, time.time)
    store.add_user(User("user@example.com", "hash", "version-1", 1.5))
    os.write(answer, b"open")
    time.sleep(60)
os.read(asked, 4)
if not (intruding := os.fork()):
    try:
        open_store(url, time.time)
    except StartupError:
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
