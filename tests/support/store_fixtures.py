"""Fixtures of real stores; tests/conftest.py gives them to every test."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.stores import open_store
from tests.support.api import MovableClock
from tests.support.store_states import FileControl, MemoryControl, OpenControl, ValkeyControl
from tests.support.system_programs import find_program
from tests.support.valkey import Server, ask, valkey_binary


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for each worker of pytest-xdist; `valkey_url` empties it."""
    server = Server(valkey_binary(), tmp_path_factory.mktemp("valkey"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(find_program("redis-server"), tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def valkey_url(valkey_server: Server) -> str:
    ask(valkey_server.port, "FLUSHALL")
    return f"valkey://127.0.0.1:{valkey_server.port}/0"


@pytest.fixture
def redis_url(redis_server: Server) -> str:
    ask(redis_server.port, "FLUSHALL")
    return f"redis://127.0.0.1:{redis_server.port}/0"


@pytest.fixture(params=["memory", "file", "valkey", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, of each kind in turn."""
    if request.param == "memory":
        return "memory://"
    if request.param == "file":
        return f"file://{tmp_path}/accounts.jsonl"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str, clock: MovableClock) -> Iterator[AccountStore]:
    opened = open_store(store_url, clock)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def valkey_with_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that a test may kill and start again: its accounts survive."""
    folder = tmp_path_factory.mktemp("valkey")
    # With the default, `everysec`, a change is confirmed and not yet written while a sync runs.
    server = Server(valkey_binary(), folder, "--appendonly", "yes", "--appendfsync", "no")
    yield server
    server.kill()


@pytest.fixture
def open_memory() -> OpenControl:
    return MemoryControl


@pytest.fixture
def open_file(tmp_path: Path) -> OpenControl:
    numbers = count()
    return lambda clock: FileControl(clock, tmp_path / str(next(numbers)))


@pytest.fixture
def open_valkey(valkey_with_file: Server) -> OpenControl:
    return lambda clock: ValkeyControl(clock, valkey_with_file)
