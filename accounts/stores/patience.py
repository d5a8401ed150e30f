"""Nothing waits for ever for a store on another machine."""

from threading import RLock

TIMEOUT_SECONDS = 1.0
"""For a connection, for an answer, and for a lock behind which others wait for these."""


class ImpatientLock:
    """A lock for `with`: who would wait too long for it gets a `TimeoutError`."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=TIMEOUT_SECONDS):
            raise TimeoutError("others are waiting for the same")

    def __exit__(self, *error: object) -> None:
        self._lock.release()
