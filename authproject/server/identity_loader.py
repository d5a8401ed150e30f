"""Looks up users and sessions in batches, for a store on another machine.

The event loop collects the lookups of concurrent requests, and sends them in one round trip. The
busier the service, the larger the batches (the DataLoader pattern).
"""

import asyncio
import time
from typing import Any

from accounts.authentication import PrefetchedIdentity
from accounts.domain.claims import Claims
from accounts.domain.interfaces import AccountStore

MAX_BATCH = 64
"""Lookups in one batch. The buffer of a socket holds their keys, so sending does not block."""

SLOW_BATCH_SECONDS = 0.005
"""Ten times what a round trip on one machine takes."""

MAX_CONCURRENT_BATCHES = 8
"""Batches at once while the store is slow. Each has a connection."""

Waiting = tuple[Claims, "asyncio.Future[PrefetchedIdentity]"]


class IdentityBatchLoader:
    """Used by one event loop.

    A lookup starts a task if none runs, or if the last batch began over `slow_after` seconds ago. A
    task reads one batch after another, until nothing waits.
    """

    def __init__(self, store: AccountStore, *, slow_after: float = SLOW_BATCH_SECONDS) -> None:
        self._get: Any = getattr(store, "aget_users_and_sessions", None) or (
            lambda keys: asyncio.to_thread(store.get_users_and_sessions, keys)
        )
        self._slow_after = slow_after
        self._waiting: list[Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._last_started = 0.0

    async def load(self, claims: Claims) -> PrefetchedIdentity:
        """Return the user and session of the claims, or the exception that the store raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[PrefetchedIdentity] = loop.create_future()
        self._waiting.append((claims, future))
        slow = time.monotonic() - self._last_started > self._slow_after
        if not self._running or (slow and self._running < MAX_CONCURRENT_BATCHES):
            self._running += 1
            self._last_started = time.monotonic()
            # It begins after the callbacks that are ready: its batch has their lookups, too.
            task = loop.create_task(self._run_batches())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _run_batches(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            self._last_started = time.monotonic()
            results = await self._read([claims for claims, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():  # The request may have been canceled.
                    future.set_result(result)
        self._running -= 1

    async def _read(self, claims: list[Claims]) -> list[PrefetchedIdentity]:
        keys = [(one.email, one.sid) for one in claims]
        try:
            found = await self._get(keys)
            return [PrefetchedIdentity(*one) for one in zip(claims, found, strict=True)]
        except Exception as error:  # noqa: BLE001  # each request of the batch raises it
            return [PrefetchedIdentity(one, error) for one in claims]
