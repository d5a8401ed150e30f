"""A file that is only appended to. A write is on the disk when it returns, or not in the file."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# O_APPEND: after a truncation, the next write starts at the new end.
OPEN_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class AppendOnlyFile:
    """Not thread-safe: the caller holds a lock. Any method may raise `OSError`."""

    def __init__(self, path: Path) -> None:
        """Open a file, or create an empty one. `truncate` must be called before `append`."""
        self._path = path
        self._descriptor = os.open(path, OPEN_FLAGS, 0o600)
        self._size = 0
        self._needs_truncate = True

    def truncate(self, size: int) -> None:
        """Remove the bytes after the first `size`, and sync the file and its folder."""
        os.ftruncate(self._descriptor, size)
        os.fchmod(self._descriptor, 0o600)
        os.fsync(self._descriptor)
        _sync_folder(self._path)
        self._size = size
        self._needs_truncate = False

    def append(self, data: bytes) -> None:
        """Write and sync. After a failure, nothing is written until a truncation has succeeded."""
        if self._needs_truncate:
            self.truncate(self._size)
        self._needs_truncate = True
        try:
            # os.write may write only a part, for example on a disk that is nearly full.
            remaining = memoryview(data)
            while remaining:
                remaining = remaining[os.write(self._descriptor, remaining) :]
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                self.truncate(self._size)
            raise
        self._size += len(data)
        self._needs_truncate = False

    def replace(self, lines: Iterable[bytes]) -> None:
        """Replace the whole content. After a crash the file is the old one or the new one."""
        descriptor = _write_new_file(self._path, lines)
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, os.fstat(descriptor).st_size
        # Until the folder is synced, a crash may bring back the old file and lose later appends.
        # If `truncate`, which syncs the folder, fails here, the next append calls it again.
        self._needs_truncate = True
        self.truncate(self._size)

    def was_deleted(self) -> bool:
        """Return whether the path no longer leads to the open file."""
        try:
            return not os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return True

    def close(self) -> None:
        # A late write must fail: the system may give the same number to another file.
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)


def _write_new_file(path: Path, lines: Iterable[bytes]) -> int:
    """Write and sync a temporary file, rename it to `path`, and return its descriptor."""
    temp_path = path.with_name(path.name + ".new")
    temp_path.unlink(missing_ok=True)  # left by a crash
    descriptor = os.open(temp_path, OPEN_FLAGS | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "ab", closefd=False) as file:
            file.writelines(lines)
        os.fsync(descriptor)
        temp_path.replace(path)
    except BaseException:
        os.close(descriptor)
        temp_path.unlink(missing_ok=True)
        raise
    return descriptor


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
