"""A `MemoryStore` that appends every change to a journal file, so that it survives a crash."""

import errno
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from threading import Thread
from typing import ClassVar

from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.domain.interfaces import Clock
from accounts.domain.users import User
from accounts.stores.journal.append_file import AppendOnlyFile, keep_as_conflict
from accounts.stores.journal.compaction import Canceled, Compaction
from accounts.stores.journal.format import HEADER, JournalReader, decode, encode
from accounts.stores.journal.lock import acquire_lock, lock_journal
from accounts.stores.memory import DELETION_MARGIN_SECONDS, DeletedUser, MemoryStore, Record
from accounts.throttled_logging import OutageLogger

# A line is obsolete if a later line replaces it, if its session has expired, or if it is a
# deletion. Compact at startup if obsolete lines are over 10 % of the live ones, so that the next
# start is fast; while running, only if there are 1,000 more obsolete lines than live ones.
STARTUP_COMPACTION_RATIO = 0.1
MIN_OBSOLETE_LINES = 1000
PROGRESS_LINES = 100_000

PROBE_INTERVAL_SECONDS = 1.0
"""The file is probed at most this often: anybody may ask for the readiness, and a sync is slow."""

COMPACTION_THREAD = "journal-compaction"

CHUNK_LINES = 4000
"""How many lines are written and synced at once."""

logger = logging.getLogger("accounts.stores.journal")


class JournalStore(MemoryStore):
    """An `AccountStore`. A change is written and synced first, then visible to readers."""

    backend_name: ClassVar[str] = "file"
    blocking_writes: ClassVar[bool] = True

    def __init__(self, path: Path, clock: Clock, elapsed: Clock = time.monotonic) -> None:
        """Raises `StartupError` if the file is damaged, in use or not accessible."""
        super().__init__(clock, elapsed)
        self._path = path
        self._new_path = path.with_name(path.name + ".new")
        self._compaction: Compaction | None = None
        # After a failed compaction, the number of obsolete lines at which to try again.
        self._retry_threshold = 0
        # Until when the last successful change shows that the file is writable.
        self._writable_until = 0.0
        message = f"{path} cannot be written; changes are refused"
        self._outage = OutageLogger(logger, message, elapsed)
        with _file_errors(path), ExitStack() as resources:
            # The lock is taken first, and so released last.
            resources.enter_context(acquire_lock(path))
            self._new_path.unlink(missing_ok=True)  # left by a crash
            self._file = AppendOnlyFile(path)
            resources.callback(lambda: self._file.close())  # noqa: PLW0108  # another one later
            self._line_count = self._load()
            self._resources = resources.pop_all()
        self._delete_expired_sessions()
        self._compact_if_needed(self._live_count * STARTUP_COMPACTION_RATIO)

    def check_writable(self) -> None:
        with self._lock:
            if self._elapsed() >= self._writable_until:
                with self._open_file_for_change() as file:
                    file.probe()

    def close(self) -> None:
        with self._lock:
            self._cancel_compaction()
            self._resources.close()

    def _load(self) -> int:
        """Read the records, and remove an incomplete last line. Returns the number of records."""
        newest = 0.0
        with self._path.open("rb") as file:
            reader = JournalReader(file, self._path)
            for record in reader:
                self._apply(record)
                newest = max(newest, _get_time(record))
                if reader.line_count % PROGRESS_LINES == 0:
                    logger.info("%s: read %d records", self._path, reader.line_count)
        if reader.torn:
            logger.warning(
                "%s: dropped an incomplete last line; a crash interrupted that change before it "
                "was confirmed",
                self._path,
            )
        self._compare_clock(newest)
        self._file.truncate(reader.valid_size)
        if not reader.valid_size:
            self._replace_file([HEADER])  # A crash must not leave a part of the header.
        return reader.line_count

    def _compare_clock(self, newest: float) -> None:
        """Count the time that sessions have left from the `newest` time in the file.

        By the clock alone, a start with a clock that is days ahead would delete logouts.
        """
        if not newest:
            return
        ahead = self._clock() - newest
        if abs(ahead) > DELETION_MARGIN_SECONDS:
            logger.warning(
                "the newest time in %s is %.1f days %s this machine's clock; correct the clock if "
                "it is wrong. No expired session is deleted because of it",
                self._path,
                abs(ahead) / 86_400,
                "before" if ahead > 0 else "after",
            )
        delay = max(0.0, ahead)
        self._deletions = [(moment + delay, key) for moment, key in self._deletions]

    def _commit(self, records: Sequence[Record]) -> None:
        with self._open_file_for_change() as file:
            file.append(b"".join(map(encode, records)))
        super()._commit(records)
        self._line_count += len(records)
        self._compact_if_needed(self._live_count + MIN_OBSOLETE_LINES)

    @contextmanager
    def _open_file_for_change(self) -> Iterator[AppendOnlyFile]:
        """Yield the file as this store has written it. An `OSError` is an outage."""
        try:
            if change := self._file.find_change():
                self._restore_file(change)
            yield self._file
        except OSError as error:
            self._writable_until = 0.0
            self._outage.failed(error)
            raise StoreUnavailable from error
        self._writable_until = self._elapsed() + PROBE_INTERVAL_SECONDS
        self._outage.recovered()

    def _restore_file(self, change: str) -> None:
        """Write the file anew from memory, and keep what another program has put in its place."""
        self._cancel_compaction()
        lines = chain(map(encode, self._users.values()), map(encode, self.iter_sessions()))
        conflict = self._replace_file(chain([HEADER], lines), keep=True)
        self._line_count = self._live_count
        logger.error(
            "%s %s by another program; it was written again from memory%s",
            self._path,
            change,
            f", and the other content is now {conflict}" if conflict else "",
        )

    def _replace_file(self, lines: Iterable[bytes], *, keep: bool = False) -> Path | None:
        """Replace the file. With `keep`, return the new path of what was in its place, if any."""
        lines, conflict = iter(lines), None
        with ExitStack() as undo:
            new_file = self._open_new_file()
            undo.callback(new_file.delete)
            while chunk := b"".join(islice(lines, CHUNK_LINES)):
                new_file.append(chunk)
            if keep and (conflict := keep_as_conflict(self._path)) and self._path.exists():
                undo.callback(conflict.unlink)
            new_file.rename(self._path)
            undo.pop_all()
        self._switch_to(new_file).close()
        return conflict

    def _open_new_file(self) -> AppendOnlyFile:
        self._new_path.unlink(missing_ok=True)
        return AppendOnlyFile(self._new_path)

    def _switch_to(self, new_file: AppendOnlyFile) -> AppendOnlyFile:
        """Return the old file, for the caller to close."""
        old_file, self._file = self._file, new_file
        return old_file

    @property
    def _live_count(self) -> int:
        return len(self._users) + len(self._sessions)

    def _compact_if_needed(self, max_obsolete_lines: float) -> None:
        """Start a compaction, if none is running. Called with the lock held."""
        obsolete_lines = self._line_count - self._live_count
        if self._compaction or obsolete_lines <= max(max_obsolete_lines, self._retry_threshold):
            return
        try:
            with ExitStack() as undo:
                target = undo.enter_context(closing(self._open_new_file()))
                compaction = self._compaction = Compaction(self._file, target, self._is_live)
                run = partial(self._run_compaction, compaction, self._line_count)
                Thread(target=run, name=COMPACTION_THREAD, daemon=True).start()
                undo.pop_all()
        except (OSError, RuntimeError) as error:  # RuntimeError: the system has no more threads.
            self._stop_compaction(error)

    def _is_live(self, line: bytes) -> bool:
        record = decode(line)
        return self._get_current(record) == record

    def _get_current(self, record: Record) -> object:
        """Return what is stored in the place of a record."""
        if isinstance(record, User):
            return self._users.get(record.email)
        if isinstance(record, DeletedUser):
            return None
        email, session = record
        return email, self._sessions.get((email, session.sid))

    def _run_compaction(self, compaction: Compaction, copied_lines: int) -> None:
        """Run in a thread. `copied_lines` is the number of lines at its start."""
        unused_file = compaction.target
        try:
            live_lines = compaction.copy()
            with self._lock:
                if self._compaction is compaction:  # else it was canceled
                    compaction.finish(self._path)
                    unused_file = self._switch_to(compaction.target)
                    self._compaction = None
                    self._line_count += live_lines - copied_lines
                    self._retry_threshold = 2 * (self._line_count - self._live_count)
        except (OSError, Canceled) as error:
            with self._lock:
                if self._compaction is compaction:
                    self._stop_compaction(error)
        finally:
            unused_file.close()

    def _stop_compaction(self, error: Exception) -> None:
        # Harmless: the old file is complete. Do not try again at every change.
        self._cancel_compaction()
        self._retry_threshold = 2 * (self._line_count - self._live_count)
        logger.warning("%s was not compacted: %s", self._path, error)

    def _cancel_compaction(self) -> None:
        if self._compaction is not None:
            self._compaction.canceled.set()
            self._compaction = None
            # Here and not in its thread, which could delete the file of the next one.
            self._new_path.unlink(missing_ok=True)


def _get_time(record: Record) -> float:
    """Return the newest time in a record, or 0."""
    if isinstance(record, User):
        return record.created_at
    if isinstance(record, DeletedUser):
        return 0.0
    _, session = record
    return max(session.created_at, session.rotated_at, session.refreshed_at)


def check_journal(path: Path) -> None:
    """Lock a journal, read it through and unlock it. Raises `StartupError`."""
    with _file_errors(path), acquire_lock(path):
        if not path.exists():
            return  # JournalStore will create it.
        with path.open("r+b") as file:  # for writing too, as JournalStore will open it
            lock_journal(file.fileno(), path)
            for _ in JournalReader(file, path):
                pass


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` into a `StartupError`."""
    try:
        yield
    except OSError as error:
        advice = "file and folder must belong to the user that runs the service."
        if error.errno == errno.EBUSY:  # The file is a mount point, which nothing can replace.
            advice = "mount the file's folder, not the file alone."
        raise StartupError(
            f"{error.filename or path} cannot be read and written ({error.strerror}); {advice}"
        ) from error
