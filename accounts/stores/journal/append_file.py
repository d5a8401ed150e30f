"""A file that bytes are appended to: synced, or else not there at all."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

CHUNK_BYTES = 1 << 20


class AppendOnlyFile:
    """One writer; its caller's lock guards every method, all of which may raise `OSError`."""

    def __init__(self, path: Path, good_size: int) -> None:
        """Open what is there; whatever follows the first `good_size` bytes is cut off."""
        self._path = path
        self._size = good_size
        # O_APPEND: after a cut the next write goes to the new end, not past a hole.
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._suspect = True
        try:
            os.fchmod(self._descriptor, 0o600)
            self._restore()
        except OSError:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Write and sync. Where that fails nothing stays, and nothing more is written before
        the remains of it could be removed."""
        if self._suspect:
            self._restore()
        self._suspect = True
        try:
            _write(self._descriptor, data)
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                self._restore()
            raise
        self._size += len(data)
        self._suspect = False

    def replace(self, lines: Iterable[bytes]) -> None:
        """Put a new file with these lines in the old one's place: whole, or not at all."""
        descriptor, size = _write_aside(self._path, lines)
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, size
        # Until the folder is synced a crash may bring back the old file, without what is
        # appended from here on.
        self._suspect = True
        _sync_folder(self._path)
        self._suspect = False

    @property
    def removed(self) -> bool:
        """The path no longer names the open file: what is written now, nobody will read."""
        try:
            return not os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return True

    @property
    def closed(self) -> bool:
        return self._descriptor < 0

    def close(self) -> None:
        # Its number may soon be another file's: a late write must not end up there.
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)

    def _restore(self) -> None:
        os.ftruncate(self._descriptor, self._size)
        os.fsync(self._descriptor)
        _sync_folder(self._path)
        self._suspect = False


def create(path: Path, lines: Iterable[bytes]) -> None:
    """Write a new file, readable by its owner alone; a crash leaves all of it or none."""
    descriptor, _ = _write_aside(path, lines)
    os.close(descriptor)
    _sync_folder(path)


def _write_aside(path: Path, lines: Iterable[bytes]) -> tuple[int, int]:
    """Write a file next to `path`, sync it, and rename it over `path`.

    Return its descriptor, open for appending, and its size.
    """
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)  # what a crash left
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(aside, flags, 0o600)
    try:
        size = _write_lines(descriptor, lines)
        os.fsync(descriptor)
        aside.replace(path)
    except BaseException:
        os.close(descriptor)
        aside.unlink(missing_ok=True)
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
    # A disk that fills up takes the first part of a write and refuses the next one.
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return len(data)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
