"""Log lines that a stranger could cause at will: one a minute, whatever the number of requests."""

import logging

from accounts.domain.interfaces import Clock

SECONDS = 60.0


class ThrottledLogger:
    """Threads may race: at worst a line is logged twice."""

    def __init__(self, logger: logging.Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._logged_at: dict[str, float] = {}

    def warning(self, message: str, *arguments: object) -> bool:
        """Log, unless the same message, whatever its arguments, was logged within `SECONDS`.

        Returns whether it was logged.
        """
        now = self._clock()
        since = now - self._logged_at.get(message, float("-inf"))
        if 0 <= since < SECONDS:  # below 0 somebody has set the clock back
            return False
        self._logged_at[message] = now
        self._logger.warning(message, *arguments)
        return True


class OutageLogger:
    """Whether the last call failed. Threads may race: at worst a line is logged twice."""

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._failing = False

    def failed(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            self._logger.error("%s: %s: %s", self._what, type(error).__name__, error)

    def recovered(self) -> None:
        if self._failing:
            self._failing = False
            self._logger.info("%s: recovered", self._what)
