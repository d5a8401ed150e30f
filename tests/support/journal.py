"""What the tests of the journal share."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from tests.support.api import MovableClock

EMAIL = EmailAddress("user@example.com")
USER = User(EMAIL, "hash", "version-1", 1.5)
SID = "5e55104e"
WEEK = 604_800

Open = Callable[[], AccountStore]


def user(number: int) -> User:
    return replace(USER, email=EmailAddress(f"user{number}@example.com"))


def session(clock: MovableClock) -> Session:
    return Session(SID, int(clock.now) + WEEK, 3, 1_700_000_000.25, revoked=True)


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
