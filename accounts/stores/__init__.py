"""Stores of users and sessions. The scheme of a URL (`STORE_URL`) chooses one.

Journal and Redis modules are imported where they are used: their libraries are loaded only for
such a URL, and Windows has no file locks.
"""

from pathlib import Path

from accounts.domain.interfaces import AccountStore, Clock
from accounts.stores.memory import MemoryStore
from accounts.stores.url import RedisURL, parse_url


def is_multi_process(url: str) -> bool:
    """Return whether several processes can use the store at once."""
    return isinstance(parse_url(url), RedisURL)


def check_store(url: str) -> None:
    """Raise the `StartupError` that `open_store` would raise, before a socket is opened.

    A journal is read through; no server is connected to.
    """
    location = parse_url(url)
    if isinstance(location, Path):
        from accounts.stores.journal.store import check_journal  # noqa: PLC0415  # see above

        check_journal(location)


def open_store(url: str, clock: Clock) -> AccountStore:
    """Raises `InvalidStoreURL` or `StartupError`. A server is connected to at the first use."""
    location = parse_url(url)
    if isinstance(location, Path):
        from accounts.stores.journal.store import JournalStore  # noqa: PLC0415  # see above

        return JournalStore(location, clock)
    if isinstance(location, RedisURL):
        from accounts.stores.redis.store import RedisStore  # noqa: PLC0415  # see above

        return RedisStore(location, clock)
    return MemoryStore(clock)
