from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.stores import open_store
from tests.support.api import MovableClock
from tests.support.journal import FailingDisk, Open


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.jsonl"


@pytest.fixture
def start(path: Path, clock: MovableClock) -> Iterator[Open]:
    """Open the journal, after closing it where it was open: a restart."""
    opened: list[AccountStore] = []

    def start() -> AccountStore:
        while opened:
            opened.pop().close()
        opened.append(open_store(f"file://{path}", clock))
        return opened[0]

    yield start
    while opened:
        opened.pop().close()


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield FailingDisk(monkeypatch)
