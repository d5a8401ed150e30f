"""Logs the outages of a server, or of each node of a cluster, with the cause and what to do."""

import logging

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
)

from accounts.throttled_logging import OutageLogger

DEMOTED = "The previous master is now a slave"
"""What redis-py makes of READONLY if Sentinels name the server."""

READ_ONLY_ADVICE = "the server is a replica: promote it, or correct the address"
MEMORY_ADVICE = "the server's memory is full: raise maxmemory"
LOADING_ADVICE = "the server loads its data: wait"
LOGIN_ADVICE = "correct user and password in STORE_URL"
PERMISSION_ADVICE = "the user lacks a right: see docs/operate/servers.md"

# redis-py removes the code from the messages of these errors.
ADVICE_BY_TYPE: dict[type[Exception], str] = {
    ReadOnlyError: READ_ONLY_ADVICE,
    OutOfMemoryError: MEMORY_ADVICE,
    BusyLoadingError: LOADING_ADVICE,
    AuthenticationError: LOGIN_ADVICE,
    NoPermissionError: PERMISSION_ADVICE,
    ClusterDownError: "some slots of the cluster have no primary: see CLUSTER NODES",
}
ADVICE_BY_CODE = {
    "MISCONF": "the server cannot save to its disk: see its log",
    "NOREPLICAS": "fewer replicas are connected than min-replicas-to-write",
    # Old servers put the code into the message of a script's error.
    "READONLY": READ_ONLY_ADVICE,
    "OOM": MEMORY_ADVICE,
}


class StoreOutages:
    """Reads and changes have states of their own, and so has each node of a cluster."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._loggers: dict[tuple[str, bool], OutageLogger] = {}

    def failed(self, error: Exception, node: str, *, changes: bool) -> None:
        """Report a failed call. `node` is the name of a cluster's node, or empty."""
        calls = "changes to" if changes else "reads from"
        message = f"{calls} the store's node {node} fail" if node else f"{calls} the store fail"
        created = OutageLogger(self._logger, message)
        self._loggers.setdefault((node, changes), created).failed(_describe(error))

    def recovered(self, node: str, *, changes: bool) -> None:
        """Report a successful call."""
        outage = self._loggers.get((node, changes))
        if outage is not None:
            outage.recovered()


def _describe(error: Exception) -> str:
    advice = _find_advice(error)
    text = f"{type(error).__name__}: {error}"
    return f"{text} ({advice})" if advice else text


def _find_advice(error: Exception) -> str:
    if str(error) == DEMOTED:
        return READ_ONLY_ADVICE
    for cls, advice in ADVICE_BY_TYPE.items():
        if isinstance(error, cls):
            return advice
    return next((text for code, text in ADVICE_BY_CODE.items() if code in str(error)), "")
