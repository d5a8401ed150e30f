"""Helpers for the tests of the journal."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.stores.journal.store import COMPACTION_THREAD
from tests.support.valkey import wait_until

Reopen = Callable[[], AccountStore]


def read_lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def run_before_swap(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> list[None]:
    """Run an action in a compaction, after it has copied the live lines.

    An item in the returned list means that the action was run.
    """
    fsync = os.fsync
    done: list[None] = []

    def act_and_sync(descriptor: int) -> None:
        if threading.current_thread().name == COMPACTION_THREAD and not done:
            done.append(None)
            action()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", act_and_sync)
    return done


def wait_for_no_compaction() -> None:
    """Wait until no compaction is running."""
    wait_until(lambda: COMPACTION_THREAD not in [thread.name for thread in threading.enumerate()])


def wait_for_compaction(path: Path, *, lines: int) -> None:
    """Wait until the file has so many lines, and the compaction has ended."""
    wait_until(lambda: len(read_lines(path)) == lines)
    wait_for_no_compaction()


class FailingDisk:
    """Lets system calls on files fail, as a full or broken disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def fail(self, call: str, code: int = errno.EIO) -> None:
        def failing(*args: object, **kwargs: object) -> None:
            raise OSError(code, os.strerror(code))

        self._monkeypatch.setattr(os, call, failing)

    def fill_up(self, *, after: int) -> None:
        """Let the next write take `after` bytes, and then none."""
        write = os.write
        free = [after]

        def filling(descriptor: int, data: bytes) -> int:
            taken, free[0] = data[: free[0]], max(0, free[0] - len(data))
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, taken)

        self._monkeypatch.setattr(os, "write", filling)

    def repair(self) -> None:
        self._monkeypatch.undo()
