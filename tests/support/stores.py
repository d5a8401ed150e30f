"""Helpers for the tests of stores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TypeVar

from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from tests.support.api import MovableClock

T = TypeVar("T")

EMAIL = EmailAddress("user@example.com")
USER = User(EMAIL, "bcrypt_sha256$$2b$04$hash", "version-1", 1_799_999_999.123456)
SID = "5e55104e"
WEEK = 604_800


class UpdateError(Exception):
    """Raised by the `update_fn` of a test."""


def raise_update_error(value: object) -> Session:
    raise UpdateError


def run_together(count: int, function: Callable[[int], T]) -> list[T]:
    """Call the function with 0, 1, 2, … in `count` threads at once and return the results."""
    barrier = Barrier(count)

    def run(number: int) -> T:
        barrier.wait()
        return function(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def make_user(number: int) -> User:
    return replace(USER, email=EmailAddress(f"user{number}@example.com"))


def new_session(clock: MovableClock) -> Session:
    """Return a session that expires in a week."""
    return Session(SID, int(clock.now) + WEEK)


def revoked_session(clock: MovableClock) -> Session:
    return Session(SID, int(clock.now) + WEEK, 3, 1_700_000_000.25, revoked=True)


def tracked_session(clock: MovableClock, number: int) -> Session:
    """Return a listed session of `USER`; a greater number is a later login."""
    return Session(
        f"{number:08x}",
        int(clock.now) + WEEK,
        created_at=clock.now + number / 1000,
        client="a browser",
        security_stamp=USER.security_stamp,
    )


def set_stamp(stamp: str) -> Callable[[User], User]:
    """Return an `update_fn` that replaces the security stamp."""
    return lambda user: replace(user, security_stamp=stamp)
