"""Copies the live lines of a journal to a new file, while its store writes on."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event

from accounts.stores.journal.append_file import AppendOnlyFile
from accounts.stores.journal.format import HEADER

CHUNK_BYTES = 1 << 20
"""How much is read, or written and synced, at once. More at once would delay other syncs."""

SLICE_SECONDS = 0.001
"""How long it works before it pauses, so that no request waits longer for Python's lock."""

MAX_REST_BYTES = 1 << 16
"""How much may be left to copy while writers wait."""


class Canceled(Exception):
    """The store was closed, or its file was changed by another program."""


class Compaction:
    """`copy` runs in a thread, and `finish` with the store's lock held.

    A line is live if its record is the one in memory; `is_live` raises what `decode` raises. If
    memory changes meanwhile, a later line has that change, and all later lines are copied.
    """

    def __init__(
        self, source: AppendOnlyFile, target: AppendOnlyFile, is_live: Callable[[bytes], bool]
    ) -> None:
        self.canceled = Event()
        self.target = target
        self._source = source
        self._is_live = is_live
        self._end = source.size
        self._offset = len(HEADER)

    def copy(self) -> int:
        """Copy the live lines, then nearly all later ones. Return the number of live ones.

        Raises `OSError` or `Canceled`.
        """
        count, batch = 0, bytearray(HEADER)
        for line in self._pause_between(self._read_lines()):
            if self._check_line(line):
                count += 1
                batch += line
            if len(batch) >= CHUNK_BYTES:
                self.target.append(batch)
                batch = bytearray()
        self.target.append(batch)
        while self._source.size - self._offset > MAX_REST_BYTES:
            self._copy_later_lines()
        return count

    def finish(self, path: Path) -> None:
        """Copy the rest, and put the new file in the place of the old one. Raises `OSError`."""
        if change := self._source.find_change():
            raise OSError(f"the file {change} by another program")
        self._copy_later_lines()
        self.target.rename(path)

    def _copy_later_lines(self) -> None:
        end = self._source.size
        while self._offset < end:
            data = self._source.read(self._offset, min(CHUNK_BYTES, end - self._offset))
            self._offset += len(data)
            self.target.append(data)

    def _check_line(self, line: bytes) -> bool:
        try:
            return self._is_live(line)
        except (ValueError, KeyError, TypeError) as error:
            self._source.is_damaged = True
            raise OSError("a line was damaged") from error

    def _read_lines(self) -> Iterator[bytes]:
        rest = b""
        while self._offset < self._end:
            data = self._source.read(self._offset, min(CHUNK_BYTES, self._end - self._offset))
            self._offset += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line + b"\n"

    def _pause_between(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the lines, and pause as long as each slice took. Raises `Canceled`."""
        started = time.perf_counter()
        for line in lines:
            yield line
            worked = time.perf_counter() - started
            if worked >= SLICE_SECONDS:
                if self.canceled.wait(worked):
                    raise Canceled
                started = time.perf_counter()
