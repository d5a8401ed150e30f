"""Runs password hashes on threads of their own: one per core, low priority, bounded queue.

bcrypt takes a quarter of a second of a core, and releases the GIL meanwhile. On the server's
own threads, a few logins would delay every other request.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from accounts.domain.errors import HashingOverloaded

T = TypeVar("T")

HASHING_THREADS = os.cpu_count() or 1
"""One per core: more would not hash faster."""

MAX_PENDING_HASHES = 12 * HASHING_THREADS
"""Hashes running or queued. At cost 12 the last one waits about three seconds."""

# The kernel gives nice 10 a tenth of the time of nice 0 (sched(7)): requests come first, and
# hashes still proceed when requests keep every core busy.
HASHING_NICENESS = 10


class HashingExecutor:
    """Runs slow functions on low-priority threads; at most `max_pending` run or are queued."""

    def __init__(
        self,
        *,
        threads: int = HASHING_THREADS,
        max_pending: int = MAX_PENDING_HASHES,
        on_queue_change: Callable[[int], None] = lambda change: None,
        on_hash_done: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`on_queue_change` receives +1 or -1, `on_hash_done` the seconds that a function took."""
        self._on_queue_change = on_queue_change
        self._on_hash_done = on_hash_done
        self._slots = threading.BoundedSemaphore(max_pending)
        self._executor = ThreadPoolExecutor(threads, "hashing", initializer=_lower_priority)

    def run(self, function: Callable[[], T]) -> T:
        """Return the function's result. Raises `HashingOverloaded` if the queue is full."""
        if not self._slots.acquire(blocking=False):
            raise HashingOverloaded
        try:
            self._on_queue_change(1)
            return self._executor.submit(self._run, function).result()
        finally:
            self._slots.release()

    def _run(self, function: Callable[[], T]) -> T:
        self._on_queue_change(-1)
        started = time.perf_counter()
        try:
            return function()
        finally:
            self._on_hash_done(time.perf_counter() - started)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


def _lower_priority() -> None:
    # Only Linux has a priority per thread; elsewhere this would change the whole process.
    if sys.platform == "linux":  # pragma: no branch  # the tests run on Linux
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)
