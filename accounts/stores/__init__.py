"""Stores of users and sessions. The scheme of a URL (`STORE_URL`) chooses one.

Journal and Redis modules are imported where they are used: their libraries are loaded only for
such a URL, and Windows has no file locks.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accounts.domain.interfaces import AccountStore, Clock
from accounts.stores.memory import MemoryStore
from accounts.stores.url import (
    InvalidStoreURL,
    RedisURL,
    parse_file_url,
    parse_memory_url,
    parse_redis_url,
)


@dataclass(frozen=True, slots=True)
class StoreBackend:
    """A kind of store.

    `parse_url` returns the location that `open` and `check` take. `check` raises the
    `StartupError` that `open` would raise, and leaves nothing open.
    """

    parse_url: Callable[[str], Any]
    open: Callable[[Any, Clock], AccountStore]
    check: Callable[[Any], None]
    multi_process: bool = False


def _open_journal(location: Path, clock: Clock) -> AccountStore:
    from accounts.stores.journal.store import JournalStore  # noqa: PLC0415  # see above

    return JournalStore(location, clock)


def _check_journal(location: Path) -> None:
    from accounts.stores.journal.store import check_journal  # noqa: PLC0415  # see above

    check_journal(location)


def _open_redis(location: RedisURL, clock: Clock) -> AccountStore:
    from accounts.stores.redis.store import RedisStore  # noqa: PLC0415  # see above

    return RedisStore(location, clock)


def _check_redis(location: RedisURL) -> None:
    _open_redis(location, time.time).close()  # Opening connects to nothing.


MEMORY = StoreBackend(parse_memory_url, lambda _, clock: MemoryStore(clock), lambda _: None)
JOURNAL = StoreBackend(parse_file_url, _open_journal, _check_journal)
REDIS = StoreBackend(parse_redis_url, _open_redis, _check_redis, multi_process=True)

BACKENDS_BY_SCHEME = {
    "memory": MEMORY,
    "file": JOURNAL,
    "redis": REDIS,
    "rediss": REDIS,
    "valkey": REDIS,
    "valkeys": REDIS,
    "redis+cluster": REDIS,
    "redis+sentinel": REDIS,
}


def check_url(url: str) -> None:
    """Raise `InvalidStoreURL` if the URL is not valid. Opens nothing."""
    _get_backend(url).parse_url(url)


def is_multi_process(url: str) -> bool:
    """Return whether several processes can use the store at once."""
    return _get_backend(url).multi_process


def check_store(url: str) -> None:
    """Raise the `StartupError` that `open_store` would raise, before a socket is opened.

    A journal is read through; no server is connected to.
    """
    backend = _get_backend(url)
    backend.check(backend.parse_url(url))


def open_store(url: str, clock: Clock) -> AccountStore:
    """Raises `InvalidStoreURL` or `StartupError`. A server is connected to at the first use."""
    backend = _get_backend(url)
    return backend.open(backend.parse_url(url), clock)


def _get_backend(url: str) -> StoreBackend:
    scheme, separator, _ = url.partition(":")
    if not separator or scheme not in BACKENDS_BY_SCHEME:
        raise InvalidStoreURL(f"has an unknown scheme; known are: {', '.join(BACKENDS_BY_SCHEME)}")
    return BACKENDS_BY_SCHEME[scheme]
