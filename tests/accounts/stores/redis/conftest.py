from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.stores import open_store
from tests.support.api import MovableClock
from tests.support.valkey import Server, valkey_binary


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be ill-treated."""
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def opened(clock: MovableClock) -> Iterator[Callable[[str], AccountStore]]:
    stores: list[AccountStore] = []

    def open_one(url: str) -> AccountStore:
        stores.append(open_store(url, clock))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()
