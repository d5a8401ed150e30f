import os
import sys
import threading

import pytest

from accounts.domain.errors import HashingOverloaded
from accounts.passwords.executor import HASHING_NICENESS, HashingExecutor


def test_run_full_queue_raises_until_a_slot_is_free() -> None:
    executor = HashingExecutor(threads=1, max_pending=1)
    started, release = threading.Event(), threading.Event()

    def wait_for_release() -> None:
        started.set()
        release.wait()

    first = threading.Thread(target=executor.run, args=(wait_for_release,))
    first.start()
    started.wait()
    with pytest.raises(HashingOverloaded):
        executor.run(lambda: None)
    release.set()
    first.join()
    assert executor.run(lambda: "accepted again") == "accepted again"
    executor.close()


def test_run_function_that_raises_frees_its_slot() -> None:
    executor = HashingExecutor(threads=1, max_pending=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            executor.run(lambda: 1 // 0)
    executor.close()


def test_run_reports_queue_changes_and_duration() -> None:
    changes: list[int] = []
    seconds: list[float] = []
    executor = HashingExecutor(
        threads=1, on_queue_change=changes.append, on_hash_done=seconds.append
    )
    executor.run(lambda: None)
    assert changes == [1, -1]
    assert len(seconds) == 1
    executor.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority per thread")
def test_run_uses_a_thread_of_low_priority() -> None:
    executor = HashingExecutor(threads=1)
    niceness = executor.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert niceness == os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) + HASHING_NICENESS
    executor.close()
