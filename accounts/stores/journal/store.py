"""A `MemoryStore` that appends every change to a journal file, so that it survives a crash."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import ClassVar

from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.domain.interfaces import Clock
from accounts.stores.journal.append_file import AppendOnlyFile, create_file
from accounts.stores.journal.format import HEADER, JournalReader, encode
from accounts.stores.journal.lock import acquire_lock
from accounts.stores.memory import MemoryStore, Record
from accounts.throttled_logging import OutageLogger

# A line is obsolete if a later line replaces it or its session has expired. Compact at startup
# if obsolete lines are over 10 % of the live ones; while running, when writers have to wait for
# it, only if there are 1,000 more obsolete lines than live ones.
STARTUP_COMPACTION_RATIO = 0.1
MIN_DEAD_LINES = 1000
PROGRESS_SECONDS = 1.0

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
        with ExitStack() as on_error, _file_errors(path):
            self._lock_file = on_error.enter_context(acquire_lock(path))
            self._line_count, valid_size = self._load()
            self._file = AppendOnlyFile(path, valid_size)
            on_error.pop_all()
        self._delete_expired_sessions()
        self._compact_if_needed(self._live_count * STARTUP_COMPACTION_RATIO)

    def close(self) -> None:
        with self._lock:
            if not self._lock_file.closed:
                self._file.close()
                self._lock_file.close()

    def _load(self) -> tuple[int, int]:
        """Read the file, or create it. Returns its number of record lines and its valid size."""
        if not self._path.exists() or not self._path.stat().st_size:
            create_file(self._path, [HEADER])
            return 0, len(HEADER)
        with self._path.open("rb") as file:
            reader = JournalReader(file, self._path)
            self._apply_all(reader)
        if reader.torn:
            logger.warning(
                "%s: dropped an incomplete last line; a crash interrupted that change before it "
                "was confirmed",
                self._path,
            )
        return reader.line_count, reader.valid_size

    def _apply_all(self, reader: JournalReader) -> None:
        size, last_logged_at = self._path.stat().st_size, time.monotonic()
        for record in reader:
            self._apply(record)
            if reader.line_count % 10_000 == 0 and (
                time.monotonic() - last_logged_at > PROGRESS_SECONDS
            ):
                last_logged_at = time.monotonic()
                logger.info("reading %s: %d %%", self._path, 100 * reader.valid_size // size)

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
        self._compact_if_needed(self._live_count + MIN_DEAD_LINES)

    @property
    def _live_count(self) -> int:
        return len(self._users) + len(self._sessions)

    def _compact_if_needed(self, max_dead_lines: float) -> None:
        dead_lines = self._line_count - self._live_count
        if dead_lines <= max(max_dead_lines, self._retry_threshold):
            return
        try:
            self._compact()
        except OSError as error:
            # Harmless: the old file is complete. Do not try again at every change.
            self._retry_threshold = 2 * dead_lines
            logger.warning("%s was not compacted: %s", self._path, error)
        else:
            self._retry_threshold = 0

    def _compact(self) -> None:
        self._file.replace(chain([HEADER], map(encode, self.iter_records())))
        self._line_count = self._live_count


def check_journal(path: Path) -> None:
    """Lock a journal, read it through and unlock it. Raises `StartupError`."""
    with _file_errors(path), acquire_lock(path):
        if not path.exists():
            return  # JournalStore will create it.
        if not path.is_file():
            raise StartupError(f"{path} is not a file; name a file, or one to be created.")
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
            f"{path} cannot be read and written ({error.strerror}); it must be a file that "
            "belongs to the user that runs the service."
        ) from error
