"""Runs slow password hashes on threads of their own: one per core, low priority, bounded queue.

bcrypt takes a quarter of a second of a core and releases the GIL meanwhile. On the server's own
threads, a few logins would starve every other request.
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
"""One per core: more would only take turns."""

MAX_PENDING_HASHES = 12 * HASHING_THREADS
"""Hashes running or waiting: at cost 12 the last in the queue waits about three seconds."""

# The weight of nice 10 is a tenth of nice 0's (sched(7)): hashing yields to requests, and
# still moves where they keep every core busy.
HASHING_NICENESS = 10


class HashingExecutor:
    """Runs slow functions on low-priority threads; at most `max_pending` run or wait."""

    def __init__(
        self,
        *,
        threads: int = HASHING_THREADS,
        max_pending: int = MAX_PENDING_HASHES,
        on_queue_change: Callable[[int], None] = lambda change: None,
        on_hash_done: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`on_queue_change` is told +1 and -1, `on_hash_done` the seconds that a function ran."""
        self._on_waiting, self._on_done = on_queue_change, on_hash_done
        self._slots = threading.BoundedSemaphore(max_pending)
        self._executor = ThreadPoolExecutor(threads, "hashing", initializer=_lower_priority)

    def run(self, function: Callable[[], T]) -> T:
        """Return the function's result. Raises `HashingOverloaded` where every place is taken."""
        if not self._slots.acquire(blocking=False):
            raise HashingOverloaded
        try:
            self._on_waiting(1)
            return self._executor.submit(self._run, function).result()
        finally:
            self._slots.release()

    def _run(self, function: Callable[[], T]) -> T:
        self._on_waiting(-1)
        started = time.perf_counter()
        try:
            return function()
        finally:
            self._on_done(time.perf_counter() - started)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


def _lower_priority() -> None:
    # Linux schedules threads, and takes a thread's id where others only take a process's.
    if sys.platform == "linux":  # pragma: no branch  # the tests run on Linux
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)
