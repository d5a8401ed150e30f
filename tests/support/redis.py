"""Helpers for the tests of the Redis store."""

import re
from collections.abc import Callable
from multiprocessing.pool import ThreadPool

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from tests.support.valkey import ask

OpenStore = Callable[[str], AccountStore]

HANG_SECONDS = 30.0
"""Only calls that hang, or that wait for one another, take this long together."""


def count_commands(port: int) -> int:
    """Return how many commands the server has run before this one."""
    match = re.search(rb"total_commands_processed:(\d+)", ask(port, "INFO", "stats"))
    assert match
    return int(match[1])


def assert_unavailable(*calls: Callable[[], object]) -> None:
    """All calls, run at once in threads, raise `StoreUnavailable` without hanging."""

    def is_refused(call: Callable[[], object]) -> bool:
        try:
            call()
        except StoreUnavailable:
            return True
        return False

    with ThreadPool(len(calls)) as pool:
        assert all(pool.map_async(is_refused, calls, chunksize=1).get(HANG_SECONDS))


def is_available(store: AccountStore) -> bool:
    try:
        store.ping()
        store.check_writable()
    except StoreUnavailable:
        return False
    return True
