"""Where accounts are kept: one URL (`STORE_URL`) chooses among interchangeable stores."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from accounts.domain.interfaces import AccountStore, Clock
from accounts.stores import url as urls
from accounts.stores.memory import MemoryStore
from accounts.stores.url import InvalidStoreURL


@dataclass(frozen=True, slots=True)
class StoreBackend:
    """A kind of store.

    `read` judges a URL and returns what `open` needs; it touches nothing. `verify` refuses what
    `open` would refuse, without keeping any state. `shared` stores serve many processes.
    """

    read: Callable[[str], Any]
    open: Callable[[Any, Clock], AccountStore]
    verify: Callable[[Any], None] = lambda place: None
    shared: bool = False


def _read_memory(url: str) -> None:
    if url.rstrip("/") != "memory:":
        raise InvalidStoreURL("says more than memory://, which is all there is to say")


def _read_file(url: str) -> Path:
    if find_spec("fcntl") is None:
        raise InvalidStoreURL("needs file locks (fcntl), which this system does not have")
    return urls.parse_file_url(url)


def _open_file(path: Path, clock: Clock) -> AccountStore:
    # Only who has chosen a file needs a system with its locks.
    from accounts.stores.journal.store import JournalStore  # noqa: PLC0415  # as said above

    return JournalStore(path, clock)


def _verify_file(path: Path) -> None:
    from accounts.stores.journal import store  # noqa: PLC0415  # as above

    store.verify(path)


def _open_remote(place: urls.RedisURL, clock: Clock) -> AccountStore:
    # Only who has chosen a remote store pays for its client.
    from accounts.stores.redis.store import RedisStore  # noqa: PLC0415  # as said above

    return RedisStore(place, clock)


REMOTE = StoreBackend(urls.parse_redis_url, _open_remote, shared=True)
SCHEMES = {
    "memory": StoreBackend(_read_memory, lambda _, clock: MemoryStore(clock)),
    "file": StoreBackend(_read_file, _open_file, _verify_file),
    "redis": REMOTE,
    "rediss": REMOTE,
    "valkey": REMOTE,
    "valkeys": REMOTE,
    "redis+cluster": REMOTE,
    "redis+sentinel": REMOTE,
}


def check_url(url: str) -> None:
    """Raise `InvalidStoreURL` unless the URL can be meant; nothing is opened."""
    _scheme(url).read(url)


def is_multi_process(url: str) -> bool:
    """Say whether many processes can use the store at once."""
    return _scheme(url).shared


def check_store(url: str) -> None:
    """Refuse now what `open_store` would refuse, for use before a socket is opened.

    Raises `StartupError`. Of a file, this process keeps the lock for itself and its children.
    """
    scheme = _scheme(url)
    scheme.verify(scheme.read(url))


def open_store(url: str, clock: Clock) -> AccountStore:
    """Open the store that `url` names. Raises `InvalidStoreURL` or `StartupError`."""
    scheme = _scheme(url)
    return scheme.open(scheme.read(url), clock)


def _scheme(url: str) -> StoreBackend:
    name, separator, _ = url.partition(":")
    if not separator or name not in SCHEMES:
        raise InvalidStoreURL(f"has an unknown scheme; known are: {', '.join(SCHEMES)}")
    return SCHEMES[name]
