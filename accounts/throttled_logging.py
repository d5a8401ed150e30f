"""Loggers that write few lines, however many requests cause them.

Both are safe to use in threads: at worst, a race logs a line twice.
"""

import logging

from accounts.domain.interfaces import Clock

INTERVAL_SECONDS = 60.0


class ThrottledLogger:
    """Logs each message at most once per `INTERVAL_SECONDS`, whatever its arguments."""

    def __init__(self, logger: logging.Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._logged_at: dict[str, float] = {}

    def warning(self, message: str, *arguments: object) -> bool:
        """Log a warning. Returns `False` if it was suppressed."""
        now = self._clock()
        age = now - self._logged_at.get(message, float("-inf"))
        if 0 <= age < INTERVAL_SECONDS:  # A negative age means that the clock was set back.
            return False
        self._logged_at[message] = now
        self._logger.warning(message, *arguments)
        return True


class OutageLogger:
    """Logs the start and the end of an outage, not each failed call.

    `message` says what does not work; each line contains it.
    """

    def __init__(self, logger: logging.Logger, message: str) -> None:
        self._logger = logger
        self._message = message
        self._failing = False

    def failed(self, error: Exception) -> None:
        """Report a failed call."""
        if not self._failing:
            self._failing = True
            self._logger.error("%s: %s: %s", self._message, type(error).__name__, error)

    def recovered(self) -> None:
        """Report a successful call."""
        if self._failing:
            self._failing = False
            self._logger.info("recovered from: %s", self._message)
