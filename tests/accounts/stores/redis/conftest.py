from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.stores import open_store
from tests.support.api import MovableClock
from tests.support.redis import OpenStore
from tests.support.valkey import Server, valkey_binary


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test, which may pause or kill it."""
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def open_url(clock: MovableClock) -> Iterator[OpenStore]:
    stores: list[AccountStore] = []

    def open_one(url: str) -> AccountStore:
        stores.append(open_store(url, clock))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeout of connections, for tests that wait for it."""
    monkeypatch.setattr("accounts.stores.redis.client.TIMEOUT_SECONDS", 0.5)


@pytest.fixture
def no_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """End an outage with the first call that succeeds."""
    monkeypatch.setattr("accounts.throttled_logging.HOLD_SECONDS", 0)
