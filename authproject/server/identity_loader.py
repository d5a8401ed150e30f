"""Asking a store on another machine for many requests at once, before they are answered.

A request that would wait for the store on a thread of its own costs more in hand-overs between
threads than in questions. So the event loop collects what its requests will want to know, and one
thread asks for all of it in one trip: the busier the service, the more requests share a trip.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from accounts.authentication import PrefetchedIdentity
from accounts.domain.claims import Claims
from accounts.domain.interfaces import AccountStore

MAX_BATCH = 256
"""Questions of one trip: more would keep the first of them waiting for the last one's answer."""

SLOW_BATCH_SECONDS = 0.005
"""Seconds: ten times what a trip on one machine takes."""

MAX_CONCURRENT_BATCHES = 8
"""Trips at once, while the store is slow: each has a thread."""


Waiting = tuple[Claims, "asyncio.Future[PrefetchedIdentity]"]


class IdentityBatchLoader:
    """Used by one event loop; only `_ask` runs on other threads.

    A trip that takes longer than `slow_after`, in seconds, holds no later question up.
    """

    def __init__(self, store: AccountStore, *, slow_after: float = SLOW_BATCH_SECONDS) -> None:
        self._store = store
        self._patience = slow_after
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT_BATCHES, "ahead")
        self._waiting: list[Waiting] = []
        self._trips = 0
        self._last_began = 0.0

    async def load(self, claims: Claims) -> PrefetchedIdentity:
        """Ask the store for the claims' user and session, together with whoever asks now."""
        future: asyncio.Future[PrefetchedIdentity] = asyncio.get_running_loop().create_future()
        self._waiting.append((claims, future))
        slow = time.monotonic() - self._last_began > self._patience
        if not self._trips or (slow and self._trips < MAX_CONCURRENT_BATCHES):
            self._begin()
        return await future

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        self._trips += 1
        self._last_began = time.monotonic()
        loop = asyncio.get_running_loop()
        self._threads.submit(self._ask, batch, loop)

    def _ask(self, batch: list[Waiting], loop: asyncio.AbstractEventLoop) -> None:
        asked = [claims for claims, _ in batch]
        try:
            answers = self._store.get_users_and_sessions(
                [(claims.email, claims.sid) for claims in asked]
            )
            found = [PrefetchedIdentity(*one) for one in zip(asked, answers, strict=True)]
        except Exception as error:  # noqa: BLE001  # each request of the batch raises it
            found = [PrefetchedIdentity(claims, error) for claims in asked]
        loop.call_soon_threadsafe(self._end, batch, found)

    def _end(self, batch: list[Waiting], found: list[PrefetchedIdentity]) -> None:
        self._trips -= 1
        for (_, future), one in zip(batch, found, strict=True):
            if not future.done():  # its request may have been given up
                future.set_result(one)
        if self._waiting:
            self._begin()
