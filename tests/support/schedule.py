"""Runs two threads in a chosen order: only one at a time, and each stops where it calls `pause`."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock, Semaphore, local
from typing import Any, TypeVar

from accounts.domain.interfaces import AccountStore
from accounts.stores.memory import MemoryStore
from accounts.stores.redis.store import RedisStore

T = TypeVar("T")

TIMEOUT_SECONDS = 30


class Schedule:
    """At the pauses with these numbers, from 1 on, the other thread goes on."""

    def __init__(self, switch_at: Collection[int]) -> None:
        self._switch_at = switch_at
        self._turns = Semaphore(0), Semaphore(0)
        self._ended = [False, False]
        self._thread = local()
        self.pauses = 0

    def run(self, *calls: Callable[[], T]) -> list[T]:
        with ThreadPoolExecutor(2) as threads:
            results = [threads.submit(self._run, n, call) for n, call in enumerate(calls)]
            self._turns[0].release()
            return [result.result() for result in results]

    def pause(self, *, blocked: bool = False) -> None:
        number = getattr(self._thread, "number", None)
        if number is None or self._ended[1 - number]:
            return
        self.pauses += 1
        if blocked or self.pauses in self._switch_at:
            self._turns[1 - number].release()
            assert self._turns[number].acquire(timeout=TIMEOUT_SECONDS), "the other one hangs"

    def _run(self, number: int, call: Callable[[], T]) -> T:
        self._thread.number = number
        assert self._turns[number].acquire(timeout=TIMEOUT_SECONDS), "the other one hangs"
        try:
            return call()
        finally:
            self._ended[number] = True
            self._turns[1 - number].release()


class PausingLock:
    """A lock that pauses before and after it is taken, and when it has been released."""

    def __init__(self, pause: Callable[..., None]) -> None:
        self._pause = pause
        self._lock = Lock()

    def __enter__(self) -> None:
        self._pause()
        while not self._lock.acquire(blocking=False):
            self._pause(blocked=True)
        self._pause()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self._pause()


def add_pauses(store: AccountStore, pause: Callable[..., None]) -> None:
    """Pause at the store's lock, and before each record that becomes visible.

    Over a server, pause before and after each call of it.
    """
    if isinstance(store, RedisStore):
        use = store._connection

        @contextmanager
        def use_with_pauses(*arguments: Any, **options: Any) -> Iterator[Any]:
            pause()
            with use(*arguments, **options) as client:
                yield client
            pause()

        setattr(store, "_connection", use_with_pauses)  # noqa: B010  # for mypy
        return
    assert isinstance(store, MemoryStore)
    apply = store._apply

    def apply_after_pause(record: Any) -> None:
        pause()
        apply(record)

    setattr(store, "_lock", PausingLock(pause))  # noqa: B010  # for mypy
    setattr(store, "_apply", apply_after_pause)  # noqa: B010  # for mypy
