"""What the tests of the remote store share."""

import re
import time
from collections.abc import Callable

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from tests.support.api import MovableClock
from tests.support.valkey import Server, ask

EMAIL = EmailAddress("user@example.com")
USER = User(EMAIL, "hash", "version-1", 1.5)
SID = "5e55104e"
WEEK = 604_800
PATIENCE = 3.0
"""Seconds in which any call must have answered or failed."""


def url_of(server: Server) -> str:
    return f"valkey://127.0.0.1:{server.port}"


def commands(port: int) -> int:
    """Return how many commands the server has answered before this one."""
    found = re.search(rb"total_commands_processed:(\d+)", ask(port, "INFO", "stats"))
    assert found
    return int(found[1])


def session(clock: MovableClock, *, revoked: bool = False) -> Session:
    return Session(SID, int(clock.now) + WEEK, revoked=revoked)


def assert_unavailable(function: Callable[[], object]) -> None:
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        function()
    assert time.monotonic() - started < PATIENCE


def answers(store: AccountStore) -> bool:
    try:
        store.ping()
    except StoreUnavailable:
        return False
    return True
