"""Helpers for the tests of the journal."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore

Reopen = Callable[[], AccountStore]


def read_lines(path: Path) -> list[bytes]:
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
