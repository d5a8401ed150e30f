"""What the contract's tests share."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from tests.support.api import MovableClock

T = TypeVar("T")

EMAIL = EmailAddress("user@example.com")
USER = User(EMAIL, "bcrypt_sha256$$2b$04$hash", "version-1", 1_700_000_000.123456)
SID = "5e55104e"
WEEK = 604_800


class Refused(Exception):
    """What a change of the test's own raises."""


def refuse(value: object) -> Session:
    raise Refused


def together(count: int, function: Callable[[int], T]) -> list[T]:
    """Call the function in so many threads at once; return what each got."""
    barrier = Barrier(count)

    def run(number: int) -> T:
        barrier.wait()
        return function(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def untouched(clock: MovableClock) -> Session:
    return Session(SID, int(clock.now) + WEEK)
