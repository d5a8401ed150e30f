"""Writes log lines to standard error."""

import asyncio
import logging
from contextlib import suppress
from select import PIPE_BUF
from typing import TextIO

MAX_DELAY_SECONDS = 0.01


class BatchingStreamHandler(logging.StreamHandler[TextIO]):
    """Writes the lines of the event loop's requests together.

    Such a line up to INFO waits up to `MAX_DELAY_SECONDS`. Any other line, as one of the server's
    thread, is written immediately, after those that wait. A process that is killed loses these.
    """

    # Each write is a system call, and two switches between threads: 19 µs of 213 a request.

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._size = 0
        self._flush_is_scheduled = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, now or soon. `Handler.handle` calls it with the lock held."""
        try:
            self._add(self.format(record) + self.terminator)
            if record.levelno > logging.INFO or not self._schedule_flush():
                self._write()
        except Exception:  # noqa: BLE001  # as logging's own handlers
            self.handleError(record)

    def flush(self) -> None:
        self.acquire()
        try:
            self._write()
        finally:
            self.release()

    def _write(self) -> None:
        text = "".join(self._lines)
        self._lines, self._size = [], 0
        self.stream.write(text)
        self.stream.flush()

    def _add(self, line: str) -> None:
        # So much is one write to a pipe, in which the lines of other processes cannot be mixed.
        if self._size + len(line) > PIPE_BUF:
            self._write()
        self._lines.append(line)
        self._size += len(line)

    def _schedule_flush(self) -> bool:
        """Return `False` if no event loop runs on this thread."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if not self._flush_is_scheduled:
            self._flush_is_scheduled = True
            loop.call_later(MAX_DELAY_SECONDS, self._flush_on_schedule)
        return True

    def _flush_on_schedule(self) -> None:
        self._flush_is_scheduled = False
        with suppress(OSError, ValueError):  # As logging does at exit: the stream may be closed.
            self.flush()
