"""Executors and hashers for tests about passwords."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from accounts.domain.interfaces import NormalizedPassword, SubmittedPassword
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from tests.support.api import PASSWORD

T = TypeVar("T")

NORMALIZED = NormalizedPassword(PASSWORD)
SUBMITTED = SubmittedPassword(PASSWORD, NORMALIZED)
HASH = "bcrypt_sha256$$2b$04$APic8o57jZL7SJLLeDa57uWKsadicfXY3cMj2thnqklv7sBiWWo3K"
"""A hash of `PASSWORD`, at cost 4."""


class CountingExecutor(HashingExecutor):
    """Counts the functions that it runs: equal work takes equal time."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.count = 0

    def run(self, function: Callable[[], T]) -> T:
        self.count += 1
        return super().run(function)


def build_hasher(rounds: int = 4, executor: HashingExecutor | None = None) -> BcryptHasher:
    return BcryptHasher(rounds=rounds, executor=executor or HashingExecutor(threads=1))


def build_full_executor() -> HashingExecutor:
    """Return an executor that refuses every hash: none can wait less than no time."""
    return HashingExecutor(threads=1, max_wait_seconds=-1.0)


def record_costs(hasher: BcryptHasher, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the bcrypt cost of each hash: equal work takes equal time."""
    encode, costs = hasher._django.encode, list[int]()

    def recording_encode(text: str, salt: Any) -> str:  # the stub says str, but it is bytes
        costs.append(int(salt.split(b"$")[2]))
        return encode(text, salt)

    monkeypatch.setattr(hasher._django, "encode", recording_encode)
    return costs
