"""Real stores that a state machine puts into an outage, and opens again at a restart."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from accounts.domain.interfaces import AccountStore
from accounts.stores import open_store
from accounts.stores.memory import MemoryStore
from tests.support.api import MovableClock
from tests.support.session_model import StoreState
from tests.support.valkey import Server, ask


class StoreControl(Protocol):
    outages: Sequence[StoreState]

    def open(self) -> AccountStore:
        """Open the store, again if it is open. Its accounts survive, if it has any."""

    def set_state(self, state: StoreState) -> None: ...
    def close(self) -> None: ...


OpenControl = Callable[[MovableClock], StoreControl]


class MemoryControl:
    outages: Sequence[StoreState] = []

    def __init__(self, clock: MovableClock) -> None:
        self._store = MemoryStore(clock)

    def open(self) -> AccountStore:
        return self._store

    def set_state(self, state: StoreState) -> None:
        assert state is StoreState.UP

    def close(self) -> None:
        """Nothing is held open."""


class FileControl:
    """Its folder is moved away, so that nothing can be written."""

    outages: Sequence[StoreState] = [StoreState.READ_ONLY]

    def __init__(self, clock: MovableClock, folder: Path) -> None:
        self._clock = clock
        self._folder = folder
        self._moved = folder.with_name(f"{folder.name}-moved")
        self._store: AccountStore | None = None
        folder.mkdir()

    def open(self) -> AccountStore:
        self.close()
        self._store = open_store(f"file://{self._folder}/accounts.jsonl", self._clock)
        return self._store

    def set_state(self, state: StoreState) -> None:
        if state is StoreState.READ_ONLY and self._folder.exists():
            self._folder.rename(self._moved)
        if state is StoreState.UP and self._moved.exists():
            self._moved.rename(self._folder)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


class ValkeyControl:
    """Its server is killed, or told to refuse changes. It needs an append-only file."""

    outages: Sequence[StoreState] = [StoreState.READ_ONLY, StoreState.DOWN]

    def __init__(self, clock: MovableClock, server: Server) -> None:
        self._clock = clock
        self._server = server
        self._store: AccountStore | None = None
        ask(server.port, "FLUSHALL")

    def open(self) -> AccountStore:
        if self._store is not None:
            self._store.close()
        self._store = open_store(self._server.url, self._clock)
        return self._store

    def set_state(self, state: StoreState) -> None:
        if state is StoreState.DOWN:
            self._server.kill()
            return
        if self._server.process.poll() is not None:
            self._server.start()
        replicas = "1" if state is StoreState.READ_ONLY else "0"
        ask(self._server.port, "CONFIG", "SET", "min-replicas-to-write", replicas)

    def close(self) -> None:
        self.set_state(StoreState.UP)
        if self._store is not None:
            self._store.close()
