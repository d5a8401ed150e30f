from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.stores import open_store
from tests.support.api import MovableClock
from tests.support.journal import FailingDisk, Reopen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.jsonl"


@pytest.fixture
def reopen(path: Path, clock: MovableClock) -> Iterator[Reopen]:
    """Open the journal as a restart does: a store that is open is closed first."""
    stores: list[AccountStore] = []

    def close_and_open() -> AccountStore:
        while stores:
            stores.pop().close()
        stores.append(open_store(f"file://{path}", clock))
        return stores[0]

    yield close_and_open
    while stores:
        stores.pop().close()


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield FailingDisk(monkeypatch)
