"""Looks up users and sessions in batches, for a store on another machine.

A request that waits for the store on its own thread spends more on thread switches than on the
lookup. So the event loop collects the lookups of concurrent requests, and one thread sends them in
one round trip. The busier the service, the larger the batches (the DataLoader pattern).
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from accounts.authentication import PrefetchedIdentity
from accounts.domain.claims import Claims
from accounts.domain.interfaces import AccountStore

MAX_BATCH = 256
"""Lookups in one batch. In a larger one, the first would wait too long for the last."""

SLOW_BATCH_SECONDS = 0.005
"""Ten times what a round trip on one machine takes."""

MAX_CONCURRENT_BATCHES = 8
"""Batches at once while the store is slow. Each has a thread."""

Waiting = tuple[Claims, "asyncio.Future[PrefetchedIdentity]"]


class IdentityBatchLoader:
    """Used by one event loop; only `_run_batch` runs on other threads.

    A lookup starts a batch if none runs, or if the last one started over `slow_after` seconds ago.
    Otherwise it waits for the next batch, which starts when a running one ends.
    """

    def __init__(self, store: AccountStore, *, slow_after: float = SLOW_BATCH_SECONDS) -> None:
        self._store = store
        self._slow_after = slow_after
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT_BATCHES, "identity")
        self._waiting: list[Waiting] = []
        self._running = 0
        self._last_started = 0.0

    async def load(self, claims: Claims) -> PrefetchedIdentity:
        """Return the user and session of the claims, or the exception that the store raised."""
        future: asyncio.Future[PrefetchedIdentity] = asyncio.get_running_loop().create_future()
        self._waiting.append((claims, future))
        slow = time.monotonic() - self._last_started > self._slow_after
        if not self._running or (slow and self._running < MAX_CONCURRENT_BATCHES):
            self._start_batch()
        return await future

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start_batch(self) -> None:
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        self._running += 1
        self._last_started = time.monotonic()
        self._threads.submit(self._run_batch, batch, asyncio.get_running_loop())

    def _run_batch(self, batch: list[Waiting], loop: asyncio.AbstractEventLoop) -> None:
        claims = [claims for claims, _ in batch]
        try:
            found = self._store.get_users_and_sessions([(one.email, one.sid) for one in claims])
            results = [PrefetchedIdentity(*one) for one in zip(claims, found, strict=True)]
        except Exception as error:  # noqa: BLE001  # each request of the batch raises it
            results = [PrefetchedIdentity(one, error) for one in claims]
        loop.call_soon_threadsafe(self._finish_batch, batch, results)

    def _finish_batch(self, batch: list[Waiting], results: list[PrefetchedIdentity]) -> None:
        self._running -= 1
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():  # The request may have been canceled.
                future.set_result(result)
        if self._waiting:
            self._start_batch()
