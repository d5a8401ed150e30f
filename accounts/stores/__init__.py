"""Where accounts are kept: one URL (`STORE_URL`) chooses among interchangeable stores."""

from collections.abc import Callable
from urllib.parse import urlsplit

from accounts.core.ports import AccountStore, Clock
from accounts.stores.memory import MemoryStore


class UnknownStore(ValueError):
    """The URL's scheme names no store."""


def _open_memory(url: str, clock: Clock) -> AccountStore:
    return MemoryStore(clock)


SCHEMES: dict[str, Callable[[str, Clock], AccountStore]] = {
    "memory": _open_memory,
}


def open_store(url: str, clock: Clock) -> AccountStore:
    """Open the store that `url` names. Raises `UnknownStore`."""
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise UnknownStore(f"unknown scheme {scheme!r}; known are: {', '.join(SCHEMES)}")
    return SCHEMES[scheme](url, clock)
