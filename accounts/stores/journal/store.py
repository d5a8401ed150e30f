"""`MemoryStore` plus a line per change in a file: what was answered survives any crash."""

import gc
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import ClassVar

from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.domain.interfaces import Clock
from accounts.stores.journal import append_file, lock
from accounts.stores.journal.append_file import AppendOnlyFile
from accounts.stores.journal.format import HEADER, Reader, check, decode, encode
from accounts.stores.memory import MemoryStore, Record
from accounts.throttled_logging import OutageLogger

# A starting service, which nobody waits for, rewrites its file where a tenth of it is dead; a
# running one, whose writers wait meanwhile, where most of it is and it is not small.
STARTUP_COMPACTION_RATIO = 10
MIN_DEAD_LINES = 1000
PROGRESS_SECONDS = 1.0

logger = logging.getLogger("accounts.stores.journal")


class JournalStore(MemoryStore):
    """An `AccountStore`. A change is written and synced, then visible, then answered."""

    backend_name: ClassVar[str] = "file"
    blocking_writes: ClassVar[bool] = True

    def __init__(self, path: Path, clock: Clock) -> None:
        """Raises `StartupError` for a file that is damaged, in use or out of reach."""
        super().__init__(clock)
        self._path = path
        # How many dead lines are lived with since the file could not be compacted.
        self._tolerated = 0
        self._outage = OutageLogger(logger, f"{path} cannot be written; changes are refused")
        lock.claim(path)
        with _released_where_refused(path):
            self._lines, good_size = self._load()
            self._file = AppendOnlyFile(path, good_size)
        self._forget_expired()
        self._compact_beyond(self._live() // STARTUP_COMPACTION_RATIO)

    def close(self) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.close()
                lock.release(self._path)

    def _load(self) -> tuple[int, int]:
        if not self._path.exists() or not self._path.stat().st_size:
            append_file.create(self._path, [HEADER])
            return 0, len(HEADER)
        with self._path.open("rb") as file:
            reader = Reader(file, str(self._path), decode)
            with _garbage_collection_off():
                self._read(reader)
        if reader.torn:
            logger.warning(
                "%s: dropped its incomplete last line: a change that a crash cut short, and "
                "that nobody was told had been made",
                self._path,
            )
        return reader.lines, reader.good_size

    def _read(self, reader: Reader[Record]) -> None:
        size, said = self._path.stat().st_size, time.monotonic()
        for change in reader:
            self._apply(change)
            if not reader.lines % 10_000 and time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                logger.info("reading %s: %d %%", self._path, 100 * reader.good_size // size)

    def _commit(self, changes: Sequence[Record]) -> None:
        try:
            if self._file.removed:
                logger.error("%s was removed while in use; it is written anew", self._path)
                self._rewrite()
            self._file.append(b"".join(map(encode, changes)))
        except OSError as error:
            self._outage.failed(error)
            raise StoreUnavailable from error
        self._outage.recovered()
        super()._commit(changes)
        self._lines += len(changes)
        self._compact_beyond(self._live() + MIN_DEAD_LINES)

    def _live(self) -> int:
        return len(self._users) + len(self._sessions)

    def _compact_beyond(self, dead: int) -> None:
        """Rewrite the file without its dead lines where there are more than so many."""
        if self._lines - self._live() <= max(dead, self._tolerated):
            return
        try:
            self._rewrite()
        except OSError as error:
            # The old file still holds everything. Not tried again at every change.
            self._tolerated = 2 * (self._lines - self._live())
            logger.warning("%s was not compacted: %s", self._path, error)
        else:
            self._tolerated = 0

    def _rewrite(self) -> None:
        self._file.replace(chain([HEADER], map(encode, self.iter_records())))
        self._lines = self._live()


def verify(path: Path) -> None:
    """Read a journal through and keep nothing of it but the lock. Raises `StartupError`."""
    lock.reserve(path)
    with _released_where_refused(path):
        _read_through(path)


def _read_through(path: Path) -> None:
    if not path.exists():
        return  # It will be made.
    if not path.is_file():
        raise StartupError(f"{path} is no file; name one, or one to be made.")
    with path.open("r+b") as file:  # as writing will be needed
        # The checksums alone: parsing would take six times as long, and tell no more.
        for _ in Reader(file, str(path), check):
            pass


@contextmanager
def _released_where_refused(path: Path) -> Iterator[None]:
    try:
        yield
    except StartupError:
        lock.release(path)
        raise
    except OSError as error:
        lock.release(path)
        raise StartupError(
            f"{path} cannot be read and written ({error.strerror}); it must be a file that "
            "belongs to the user that runs the service."
        ) from error


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    # Nothing that is read becomes garbage, and looking for some takes a third of the time.
    restore = gc.enable if gc.isenabled() else gc.disable
    gc.disable()
    try:
        yield
    finally:
        restore()
