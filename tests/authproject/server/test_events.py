"""Events that a handler of a signal, or another process, can set."""

import signal
import threading
from collections.abc import Iterator

import pytest

from authproject.server.events import Wakeup
from tests.support.processes import START_SECONDS


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    """It is set by a signal, again and again."""
    wakeup = Wakeup()
    previous = signal.signal(signal.SIGALRM, lambda *_: wakeup.set())
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    yield wakeup
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def test_signal_during_wait_and_set_is_no_deadlock(wakeup: Wakeup) -> None:
    for _ in range(5_000):
        wakeup.set()
        wakeup.wait()


def test_signal_that_another_thread_gets_ends_the_wait() -> None:
    wakeup, late = Wakeup(), threading.Event()
    previous = signal.signal(signal.SIGALRM, lambda *_: wakeup.set())

    def get_signal() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGALRM)

    def give_up() -> None:
        late.set()
        wakeup.set()

    threading.Timer(0.1, get_signal).start()
    fallback = threading.Timer(START_SECONDS, give_up)
    fallback.start()
    wakeup.wait()
    fallback.cancel()
    signal.signal(signal.SIGALRM, previous)
    assert not late.is_set()
