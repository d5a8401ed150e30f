import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from accounts.domain.errors import HashingOverloaded
from accounts.passwords.executor import HASHING_NICENESS, HashingExecutor
from tests.support.api import MovableClock
from tests.support.valkey import wait_until


def build_executor(clock: MovableClock, *, threads: int = 1, estimate: float) -> HashingExecutor:
    """Return an executor that accepts three seconds of waiting."""
    return HashingExecutor(
        threads=threads, first_estimate=estimate, max_wait_seconds=3.0, clock=clock
    )


@contextmanager
def pending_hashes(executor: HashingExecutor, count: int) -> Iterator[None]:
    """So many hashes run or wait until the block ends. None of them takes any time."""
    release = threading.Event()
    with ThreadPoolExecutor(max(count, 1)) as clients:
        try:
            hashes = [clients.submit(executor.run, release.wait) for _ in range(count)]
            wait_until(lambda: executor._pending == count)
            yield
        finally:
            release.set()
        assert all(one.result() for one in hashes)


def is_accepted(executor: HashingExecutor, *, pending: int) -> bool:
    """Return whether a hash is accepted while so many are pending."""
    with ThreadPoolExecutor(1) as client, pending_hashes(executor, pending):
        hashing = client.submit(executor.run, lambda: None)
        wait_until(lambda: hashing.done() or executor._pending > pending)
        return not hashing.done()


def measure_hashes(
    executor: HashingExecutor, clock: MovableClock, seconds: float, count: int
) -> None:
    for _ in range(count):
        executor.run(partial(clock.advance, seconds))


@pytest.mark.parametrize(
    ("threads", "seconds", "pending", "accepted"),
    [
        (1, 0.5, 6, True),
        (1, 0.5, 7, False),
        (2, 0.5, 12, True),
        (2, 0.5, 13, False),
        (1, 0.001, 200, True),
    ],
)
def test_run_is_bounded_by_the_expected_wait(
    clock: MovableClock, threads: int, seconds: float, pending: int, accepted: bool
) -> None:
    executor = build_executor(clock, threads=threads, estimate=seconds)
    assert is_accepted(executor, pending=pending) is accepted


def test_run_after_full_queue_is_accepted_again(clock: MovableClock) -> None:
    executor = build_executor(clock, estimate=2.0)
    with pending_hashes(executor, 2), pytest.raises(HashingOverloaded):
        executor.run(lambda: None)
    assert executor.run(lambda: "accepted again") == "accepted again"


def test_stopped_executor_refuses_what_runs_waits_and_comes(clock: MovableClock) -> None:
    executor, release = build_executor(clock, estimate=0.1), threading.Event()
    with ThreadPoolExecutor(2) as clients:
        hashes = [clients.submit(executor.run, release.wait) for _ in range(2)]
        wait_until(lambda: executor._pending == 2)
        executor.stop()
        assert all(isinstance(one.exception(), HashingOverloaded) for one in hashes)
        release.set()
    with pytest.raises(HashingOverloaded):
        executor.run(lambda: None)


def test_estimate_follows_the_measured_hashes(clock: MovableClock) -> None:
    executor = build_executor(clock, estimate=0.25)
    measure_hashes(executor, clock, 0.001, count=60)
    assert is_accepted(executor, pending=200)


def test_estimate_of_a_slower_machine_rises(clock: MovableClock) -> None:
    executor = build_executor(clock, estimate=0.001)
    measure_hashes(executor, clock, 2.0, count=60)
    assert not is_accepted(executor, pending=2)


def test_estimate_without_first_value_accepts_until_measured(clock: MovableClock) -> None:
    executor = HashingExecutor(threads=1, max_wait_seconds=3.0, clock=clock)
    assert is_accepted(executor, pending=50)
    measure_hashes(executor, clock, 2.0, count=60)
    assert not is_accepted(executor, pending=2)


def test_machine_that_stood_still_recovers(clock: MovableClock) -> None:
    executor = build_executor(clock, estimate=0.25)
    measure_hashes(executor, clock, 3600.0, count=60)
    assert is_accepted(executor, pending=1)  # one hash for each thread, whatever the estimate
    assert not is_accepted(executor, pending=2)
    measure_hashes(executor, clock, 0.25, count=30)
    assert is_accepted(executor, pending=8)


def test_absurd_first_estimate_accepts_one_hash_per_thread(clock: MovableClock) -> None:
    executor = build_executor(clock, estimate=131_072.0)
    assert is_accepted(executor, pending=1)


def test_functions_share_the_given_number_of_threads() -> None:
    executor, release = HashingExecutor(threads=1), threading.Event()
    started = threading.Event()

    def occupy() -> None:
        started.set()
        release.wait()

    with ThreadPoolExecutor(51) as clients:
        clients.submit(executor.run, occupy)
        wait_until(started.is_set)
        others = [clients.submit(executor.run, release.is_set) for _ in range(50)]
        wait_until(lambda: executor._pending == 51 or any(one.done() for one in others))
        release.set()
    assert all(one.result() for one in others)


def test_run_function_that_raises_frees_its_place(clock: MovableClock) -> None:
    executor = build_executor(clock, estimate=10.0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            executor.run(lambda: 1 // 0)


def test_concurrent_hashes_free_all_their_places(clock: MovableClock) -> None:
    executor = build_executor(clock, threads=4, estimate=0.0)
    with ThreadPoolExecutor(16) as clients:
        list(clients.map(lambda _: executor.run(lambda: None), range(1000)))
    assert executor._pending == 0


def test_run_reports_queue_changes_and_duration(clock: MovableClock) -> None:
    changes: list[int] = []
    seconds: list[float] = []
    executor = HashingExecutor(
        threads=1, clock=clock, on_queue_change=changes.append, on_hash_done=seconds.append
    )
    executor.run(partial(clock.advance, 0.5))
    assert changes == [1, -1]
    assert seconds == [0.5]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority per thread")
@pytest.mark.parametrize("own", [0, 15])
def test_hashes_have_a_lower_priority_than_the_process(own: int) -> None:
    """A process of low priority, too: without root, it may not give its threads a higher one."""

    def run() -> tuple[int, int]:
        caller = os.nice(own)
        executor = HashingExecutor(threads=1)
        niceness = executor.run(lambda: os.nice(0))
        return caller, niceness

    with ThreadPoolExecutor(1) as thread:  # its niceness ends with it
        caller, niceness = thread.submit(run).result()
    assert niceness == min(caller + HASHING_NICENESS, 19)
