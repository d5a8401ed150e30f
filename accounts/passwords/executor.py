"""Runs password hashes on threads of their own: one per core, low priority, bounded queue.

bcrypt takes a quarter of a second of a core, and releases the GIL meanwhile. On the server's
own threads, a few logins would delay every other request.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from accounts.domain.errors import HashingOverloaded
from accounts.domain.interfaces import Clock

T = TypeVar("T")

HASHING_THREADS = os.cpu_count() or 1
"""One per core: more would not hash faster."""

MAX_WAIT_SECONDS = 3.0
"""A hash that would wait longer for its thread is refused."""

ESTIMATE_WEIGHT = 0.1
"""The weight of a new measurement. After 22 of them, the older ones count a tenth."""

# The kernel gives nice 10 a tenth of the time of nice 0 (sched(7)): requests come first, and
# hashes still proceed when requests keep every core busy.
HASHING_NICENESS = 10


class HashingExecutor:
    """Runs slow functions on low-priority threads. The expected wait bounds the queue.

    It is the number of functions that run or are queued, times the moving average of their
    duration, divided by the threads.
    """

    def __init__(
        self,
        *,
        threads: int = HASHING_THREADS,
        first_estimate: float = 0.0,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        clock: Clock = time.perf_counter,
        on_queue_change: Callable[[int], None] = lambda change: None,
        on_hash_done: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`first_estimate` is the expected duration of a function before any is measured.

        `on_queue_change` receives +1 or -1, `on_hash_done` the seconds that a function took.
        """
        self._threads = threads
        self._max_wait_seconds = max_wait_seconds
        self._clock = clock
        self._on_queue_change = on_queue_change
        self._on_hash_done = on_hash_done
        self._lock = threading.Lock()
        self._pending = 0
        self._estimate = min(first_estimate, max_wait_seconds)
        self._executor = ThreadPoolExecutor(threads, "hashing", initializer=_lower_priority)
        self._stopped = Future[None]()

    def run(self, function: Callable[[], T]) -> T:
        """Return the function's result. Raises `HashingOverloaded` if it would wait too long."""
        self._enter_queue()
        try:
            self._on_queue_change(1)
            return self._get_result(self._executor.submit(self._run, function))
        finally:
            with self._lock:
                self._pending -= 1

    def stop(self) -> None:
        """Raise `HashingOverloaded` in each `run` that waits, and in every later one."""
        self._stopped.set_result(None)

    def _enter_queue(self) -> None:
        with self._lock:
            expected_wait = self._pending * self._estimate / self._threads
            if self._stopped.done() or expected_wait > self._max_wait_seconds:
                raise HashingOverloaded
            self._pending += 1

    def _get_result(self, future: Future[T]) -> T:
        first: tuple[Future[Any], ...] = (future, self._stopped)
        wait(first, return_when=FIRST_COMPLETED)
        if not future.done():
            future.cancel()
            raise HashingOverloaded
        return future.result()

    def _run(self, function: Callable[[], T]) -> T:
        self._on_queue_change(-1)
        started = self._clock()
        try:
            return function()
        finally:
            seconds = self._clock() - started
            self._update_estimate(seconds)
            self._on_hash_done(seconds)

    def _update_estimate(self, seconds: float) -> None:
        # Capped, because a machine may stand still for an hour during a hash. So at least one
        # hash for each thread is accepted, and their durations correct the estimate.
        capped = min(seconds, self._max_wait_seconds)
        with self._lock:
            self._estimate += ESTIMATE_WEIGHT * (capped - self._estimate)


def _lower_priority() -> None:
    # Only Linux has a priority per thread; elsewhere this would change the whole process.
    if sys.platform == "linux":  # pragma: no branch  # the tests run on Linux
        os.nice(HASHING_NICENESS)  # of this thread, relative to the process
