"""Notices that a server came back without its data: by FLUSHALL, an empty disk, a wrong address.

By itself, that looks as if all users had logged out. So a key in each primary has a random value
that never changes. A process remembers the values that it saw first.
"""

import logging
import time
from contextlib import suppress
from secrets import token_hex
from threading import Lock

from accounts.domain.errors import StoreUnavailable
from accounts.stores.redis.connection import ServerConnection

INTERVAL_SECONDS = 1.0
LOST = (
    "the store was emptied or replaced: its marker %s has gone or changed. Accounts and sessions "
    "are lost. Check the address in STORE_URL, or restore a backup"
)

logger = logging.getLogger("accounts.stores.redis")


class StoreMarker:
    """Threads may share it."""

    def __init__(self, server: ServerConnection) -> None:
        self._server = server
        self._lock = Lock()
        self._checked_at = float("-inf")
        self._known: dict[str, str] = {}
        self._lost = False

    def check_soon(self) -> None:
        """Check the marker, at most once a second."""
        if time.monotonic() - self._checked_at >= INTERVAL_SECONDS:
            self.is_lost()

    def is_lost(self) -> bool:
        """Check the marker, and return whether it has gone or changed."""
        # While another thread checks it, and while the server is away, the last result holds.
        if self._lock.acquire(blocking=False):
            try:
                self._checked_at = time.monotonic()
                with suppress(StoreUnavailable):
                    self._check()
            finally:
                self._lock.release()
        return self._lost

    def _check(self) -> None:
        lost = [key for key in self._server.find_keys() if not self._is_intact(key)]
        if lost and not self._lost:
            logger.critical(LOST, lost[0])
        self._lost = bool(lost)

    def _is_intact(self, key: str) -> bool:
        with self._server.use(key) as client:
            value: object = client.get(key)
        if key in self._known:
            return value == self._known[key]
        self._known[key] = str(value or self._write(key))
        return True

    def _write(self, key: str) -> str:
        """Write a value if there is none, and return the one that is there now."""
        value = token_hex(16)
        with self._server.use(key, changes=True) as client:
            return str(client.set(key, value, nx=True, get=True) or value)
