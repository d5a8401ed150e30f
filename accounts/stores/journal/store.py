"""A `MemoryStore` that appends every change to a journal file, so that it survives a crash."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import ClassVar

from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.domain.interfaces import Clock
from accounts.stores.journal.append_file import AppendOnlyFile
from accounts.stores.journal.format import HEADER, JournalReader, encode
from accounts.stores.journal.lock import acquire_lock
from accounts.stores.memory import MemoryStore, Record
from accounts.throttled_logging import OutageLogger

# A line is obsolete if a later line replaces it, if its session has expired, or if it is a
# deletion. Compact at startup if obsolete lines are over 10 % of the live ones; while running, when
# writers have to wait for it, only if there are 1,000 more obsolete lines than live ones.
STARTUP_COMPACTION_RATIO = 0.1
MIN_OBSOLETE_LINES = 1000
PROGRESS_LINES = 100_000

logger = logging.getLogger("accounts.stores.journal")


class JournalStore(MemoryStore):
    """An `AccountStore`. A change is written and synced first, then visible to readers."""

    backend_name: ClassVar[str] = "file"
    blocking_writes: ClassVar[bool] = True

    def __init__(self, path: Path, clock: Clock) -> None:
        """Raises `StartupError` if the file is damaged, in use or not accessible."""
        super().__init__(clock)
        self._path = path
        # After a failed compaction, the number of obsolete lines at which to try again.
        self._retry_threshold = 0
        self._outage = OutageLogger(logger, f"{path} cannot be written; changes are refused")
        with _file_errors(path), ExitStack() as resources:
            # The lock is taken first, and so released last.
            resources.enter_context(acquire_lock(path))
            self._file = resources.enter_context(closing(AppendOnlyFile(path)))
            self._line_count = self._load()
            self._resources = resources.pop_all()
        self._delete_expired_sessions()
        self._compact_if_needed(self._live_count * STARTUP_COMPACTION_RATIO)

    def close(self) -> None:
        with self._lock:
            self._resources.close()

    def _load(self) -> int:
        """Read the records, and remove an incomplete last line. Returns the number of records."""
        with self._path.open("rb") as file:
            reader = JournalReader(file, self._path)
            for record in reader:
                self._apply(record)
                if reader.line_count % PROGRESS_LINES == 0:
                    logger.info("%s: read %d records", self._path, reader.line_count)
        if reader.torn:
            logger.warning(
                "%s: dropped an incomplete last line; a crash interrupted that change before it "
                "was confirmed",
                self._path,
            )
        self._file.truncate(reader.valid_size)
        if not reader.valid_size:
            self._file.replace([HEADER])  # A crash must not leave a part of the header.
        return reader.line_count

    def _commit(self, records: Sequence[Record]) -> None:
        try:
            if self._file.was_deleted():
                logger.error("%s was removed while in use; it is written again", self._path)
                self._compact()
            self._file.append(b"".join(map(encode, records)))
        except OSError as error:
            self._outage.failed(error)
            raise StoreUnavailable from error
        self._outage.recovered()
        super()._commit(records)
        self._line_count += len(records)
        self._compact_if_needed(self._live_count + MIN_OBSOLETE_LINES)

    @property
    def _live_count(self) -> int:
        return len(self._users) + len(self._sessions)

    def _compact_if_needed(self, max_obsolete_lines: float) -> None:
        obsolete_lines = self._line_count - self._live_count
        if obsolete_lines <= max(max_obsolete_lines, self._retry_threshold):
            return
        try:
            self._compact()
        except OSError as error:
            # Harmless: the old file is complete. Do not try again at every change.
            self._retry_threshold = 2 * obsolete_lines
            logger.warning("%s was not compacted: %s", self._path, error)

    def _compact(self) -> None:
        self._file.replace(
            chain([HEADER], map(encode, self._users.values()), map(encode, self.iter_sessions()))
        )
        self._line_count = self._live_count
        self._retry_threshold = 0


def check_journal(path: Path) -> None:
    """Lock a journal, read it through and unlock it. Raises `StartupError`."""
    with _file_errors(path), acquire_lock(path):
        if not path.exists():
            return  # JournalStore will create it.
        with path.open("r+b") as file:  # for writing too, as JournalStore will open it
            for _ in JournalReader(file, path):
                pass


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` into a `StartupError`."""
    try:
        yield
    except OSError as error:
        raise StartupError(
            f"{error.filename or path} cannot be read and written ({error.strerror}); file and "
            "folder must belong to the user that runs the service."
        ) from error
