"""Log lines that a stranger could cause at will: one a minute, whatever the number of requests."""

import logging
import time

SECONDS = 60.0


class Seldom:
    """Threads may race: at worst a line is logged twice."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._silent_until: dict[str, float] = {}

    def warning(self, message: str, *arguments: object) -> None:
        """Log, unless the same message, whatever its arguments, was logged within `SECONDS`."""
        now = time.monotonic()
        if now >= self._silent_until.get(message, now):
            self._silent_until[message] = now + SECONDS
            self._logger.warning(message, *arguments)
