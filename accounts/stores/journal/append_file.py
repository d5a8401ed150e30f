"""A file that is only appended to. A write is on the disk when it returns, or not in the file."""

import os
from contextlib import suppress
from pathlib import Path

from accounts.stores.journal.lock import lock_journal

# O_APPEND: after a truncation, the next write starts at the new end.
OPEN_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT

PROBE_BYTES = 512
"""About what one change takes."""


class AppendOnlyFile:
    """Not thread-safe: the caller holds a lock. Any method may raise `OSError`.

    `size` is the number of bytes that are on the disk; they can be read without the lock.
    `is_damaged` is set by who finds that they are not the ones that were written.
    """

    def __init__(self, path: Path) -> None:
        """Open and lock a file, or create an empty one. Raises `StartupError` if it is locked.

        `truncate` must be called before `append`, unless the file is new.
        """
        self._path = path
        self._descriptor = os.open(path, OPEN_FLAGS, 0o600)
        self.size = 0
        self.is_damaged = False
        # A failed write may have left some of its bytes: up to this size.
        self._max_size = 0
        # A crash may undo the creation or the renaming, and lose what was appended since.
        self._needs_folder_sync = True
        try:
            lock_journal(self._descriptor, path)
        except BaseException:
            self.close()
            raise

    def truncate(self, size: int) -> None:
        """Remove the bytes after the first `size`, and sync the file and its folder."""
        os.ftruncate(self._descriptor, size)
        os.fchmod(self._descriptor, 0o600)
        os.fsync(self._descriptor)
        _sync_folder(self._path)
        self.size = self._max_size = size
        self._needs_folder_sync = False

    def append(self, data: bytes | bytearray) -> None:
        """Write and sync. After a failure, nothing is written until a truncation has succeeded."""
        self._write(data)
        self.size = self._max_size

    def probe(self) -> None:
        """Write, sync and remove some zeros. After a crash, a start drops them."""
        self._write(bytes(PROBE_BYTES))
        os.ftruncate(self._descriptor, self.size)
        self._max_size = self.size

    def _write(self, data: bytes | bytearray) -> None:
        if self._max_size > self.size or self._needs_folder_sync:
            self.truncate(self.size)
        self._max_size = self.size + len(data)
        try:
            # os.write may write only a part, for example on a disk that is nearly full.
            remaining = memoryview(data)
            while remaining:
                remaining = remaining[os.write(self._descriptor, remaining) :]
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                self.truncate(self.size)
            raise

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._descriptor, size, offset)
        if len(data) < size:  # Another program has truncated it.
            raise OSError("the file is shorter than it was")
        return data

    def rename(self, path: Path) -> None:
        """Take the place of another file. After a crash, `path` is the old one or this one."""
        self._path.replace(path)
        self._path = path
        self._needs_folder_sync = True

    def find_change(self) -> str | None:
        """Return what another program did to the file, or `None`."""
        own = os.fstat(self._descriptor)
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return "was removed"
        if not os.path.samestat(own, found):
            return "was replaced"
        if not self.size <= own.st_size <= self._max_size:
            return "was changed"
        return "was damaged" if self.is_damaged else None

    def delete(self) -> None:
        self.close()
        self._path.unlink()

    def close(self) -> None:
        # A late write must fail: the system may give the same number to another file.
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)


def keep_as_conflict(path: Path) -> Path | None:
    """Give a file a second name, which no other file has. Returns `None` if it does not exist.

    A file that belongs to another user gets the name instead of its own one.
    """
    number = 1
    conflict = path.with_name(f"{path.name}.conflict")
    while os.path.lexists(conflict):
        number += 1
        conflict = path.with_name(f"{path.name}.conflict.{number}")
    try:
        conflict.hardlink_to(path)
        if not conflict.is_symlink():  # Its target is none of this service's files.
            conflict.chmod(0o600)
    except FileNotFoundError:
        return None
    except PermissionError:  # Linux lets nobody link another user's file (protected_hardlinks).
        path.rename(conflict)
    return conflict


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
