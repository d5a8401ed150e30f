"""The event that signals set. tests/authproject/management/test_serve_signals.py has the rest."""

import signal
from collections.abc import Iterator

import pytest

from authproject.server.granian_server import Wakeup


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
