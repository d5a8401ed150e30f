"""Logs when a store starts to fail and when it has recovered: two lines, however many requests."""

import logging


class Outage:
    """Whether the last call failed. Threads may race: at worst a line is logged twice."""

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._failing = False

    def begin(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            self._logger.error("%s: %s: %s", self._what, type(error).__name__, error)

    def end(self) -> None:
        if self._failing:
            self._failing = False
            self._logger.info("%s: recovered", self._what)
