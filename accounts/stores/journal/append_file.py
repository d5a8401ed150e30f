"""A file that is only appended to. A write is on the disk when it returns, or not in the file."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

CHUNK_BYTES = 1 << 20


class AppendOnlyFile:
    """Not thread-safe: the caller holds a lock. Any method may raise `OSError`."""

    def __init__(self, path: Path, valid_size: int) -> None:
        """Open an existing file. Bytes after the first `valid_size` are removed."""
        self._path = path
        self._size = valid_size
        # O_APPEND: after a truncation, the next write starts at the new end.
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._needs_truncate = True
        try:
            os.fchmod(self._descriptor, 0o600)
            self._truncate_to_valid()
        except OSError:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Write and sync. After a failure, nothing is written until a truncation has succeeded."""
        if self._needs_truncate:
            self._truncate_to_valid()
        self._needs_truncate = True
        try:
            _write(self._descriptor, data)
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                self._truncate_to_valid()
            raise
        self._size += len(data)
        self._needs_truncate = False

    def replace(self, lines: Iterable[bytes]) -> None:
        """Replace the whole content. After a crash the file is the old one or the new one."""
        descriptor, size = _write_new_file(self._path, lines)
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, size
        # Until the folder is synced, a crash may bring back the old file, which lacks what is
        # appended from here on. So the next append syncs the folder first if this fails.
        self._needs_truncate = True
        _sync_folder(self._path)
        self._needs_truncate = False

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

    def _truncate_to_valid(self) -> None:
        os.ftruncate(self._descriptor, self._size)
        os.fsync(self._descriptor)
        _sync_folder(self._path)
        self._needs_truncate = False


def create_file(path: Path, lines: Iterable[bytes]) -> None:
    """Write a new file that only its owner can read. A crash leaves all of it or nothing."""
    descriptor, _ = _write_new_file(path, lines)
    os.close(descriptor)
    _sync_folder(path)


def _write_new_file(path: Path, lines: Iterable[bytes]) -> tuple[int, int]:
    """Write and sync a temporary file, then rename it to `path`.

    Returns its descriptor, open for appending, and its size in bytes.
    """
    temp_path = path.with_name(path.name + ".new")
    temp_path.unlink(missing_ok=True)  # left by a crash
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(temp_path, flags, 0o600)
    try:
        size = _write_lines(descriptor, lines)
        os.fsync(descriptor)
        temp_path.replace(path)
    except BaseException:
        os.close(descriptor)
        temp_path.unlink(missing_ok=True)
        raise
    return descriptor, size


def _write_lines(descriptor: int, lines: Iterable[bytes]) -> int:
    size = 0
    buffer = bytearray()
    for line in lines:
        buffer += line
        if len(buffer) >= CHUNK_BYTES:
            size += _write(descriptor, buffer)
            buffer.clear()
    return size + _write(descriptor, buffer)


def _write(descriptor: int, data: bytes | bytearray) -> int:
    # os.write may write only a part, for example on a disk that is nearly full.
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]
    return len(data)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
