"""Events that a handler of a signal, or another process, can set."""

import os
import select
from contextlib import suppress
from queue import Empty, SimpleQueue

WAKEUP_SECONDS = 1.0


class Wakeup:
    """An event for one waiting thread. A handler of a signal may set it.

    With `threading.Event`, which Granian uses, a signal at the wrong moment is a deadlock: the
    handler waits for a lock of the code that it interrupts.
    """

    def __init__(self) -> None:
        self._queue = SimpleQueue[None]()

    def set(self) -> None:
        self._queue.put(None)  # "reentrant", says its documentation

    def wait(self) -> None:
        """Wait until it is set, and clear it."""
        is_set = False
        while not is_set:
            # Handlers run in the main thread. A signal that another thread gets, as after a
            # SIGSTOP, does not end its wait.
            with suppress(Empty):
                self._queue.get(timeout=WAKEUP_SECONDS)
                is_set = True

    def clear(self) -> None:
        """Do nothing: `wait` clears. What was set since then must not be lost."""


class Broadcast:
    """A message from a process to the children that it forks: the end of a pipe.

    It comes, too, if the process is killed. A child closes its own copy first of all.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def close(self) -> None:
        os.close(self._writer)

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether it has come within that time."""
        return bool(select.select([self._reader], [], [], seconds)[0])
