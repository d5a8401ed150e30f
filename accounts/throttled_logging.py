"""Loggers that write few lines, however many requests cause them.

Both are safe to use in threads: at worst, a race logs a warning twice.
"""

import logging
import time
from threading import Lock

from accounts.domain.interfaces import Clock

INTERVAL_SECONDS = 60.0

MAX_MESSAGES = 1000
"""How many messages are remembered: one about each damaged record would need much memory."""

HOLD_SECONDS = 5.0
"""How long no call may fail until an outage has ended."""


class ThrottledLogger:
    """Logs each message at most once per `INTERVAL_SECONDS`, whatever its arguments."""

    def __init__(self, logger: logging.Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._logged_at: dict[str, float] = {}

    def warning(self, message: str, *arguments: object) -> None:
        now = self._clock()
        age = now - self._logged_at.get(message, float("-inf"))
        if 0 <= age < INTERVAL_SECONDS:  # A negative age means that the clock was set back.
            return
        if len(self._logged_at) >= MAX_MESSAGES:
            self._logged_at.clear()
        self._logged_at[message] = now
        self._logger.warning(message, *arguments)


class OutageLogger:
    """Logs when an outage begins, once a minute while it lasts, and when it has ended.

    An outage ends with the first successful call after `HOLD_SECONDS` without a failed one, so
    calls that fail and succeed in turn are one outage. `message` says what does not work.
    """

    def __init__(self, logger: logging.Logger, message: str, clock: Clock = time.monotonic) -> None:
        """Durations are measured with `clock`, which must not be set back."""
        self._logger = logger
        self._message = message
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._began_at = self._failed_at = self._logged_at = 0.0

    def failed(self, error: object) -> None:
        """Report a failed call. `error` is an exception, or a text."""
        cause = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else error
        with self._lock:
            now = self._failed_at = self._clock()
            self._failures += 1
            if self._failures == 1:
                self._began_at = self._logged_at = now
                self._logger.error("%s: %s", self._message, cause)
            elif now - self._logged_at >= INTERVAL_SECONDS:
                self._logged_at = now
                self._logger.error("%s; %s: %s", self._message, self._describe(now), cause)

    def recovered(self) -> None:
        """Report a successful call."""
        if not self._failures:  # without the lock, because nearly every call comes here
            return
        with self._lock:
            now = self._clock()
            if self._failures and now - self._failed_at >= HOLD_SECONDS:
                text = self._describe(self._failed_at)
                self._logger.info("recovered from: %s; %s", self._message, text)
                self._failures = 0

    def _describe(self, now: float) -> str:
        plural = "" if self._failures == 1 else "s"
        return f"{self._failures} failure{plural} in {now - self._began_at:.0f} s"
