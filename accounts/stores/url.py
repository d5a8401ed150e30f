"""Parses the URL of a store.

No error message repeats any part of the URL that may hold a password. redis-py's own `from_url`
does not fit: it takes one host, ignores a database that is not a number, and quotes a bad port.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, unquote

DEFAULT_PORT, DEFAULT_SENTINEL_PORT = 6379, 26379
MAX_PORT = 65_535
HOST_RE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
TLS_SCHEMES = {"rediss", "valkeys"}
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class InvalidStoreURL(ValueError):
    """Says how to correct the URL.

    The message continues the setting's name: `STORE_URL` + `has an unknown scheme`.
    """


class Topology(Enum):
    SINGLE = auto()
    CLUSTER = auto()
    SENTINEL = auto()


TOPOLOGIES = {
    "redis": Topology.SINGLE,
    "rediss": Topology.SINGLE,
    "valkey": Topology.SINGLE,
    "valkeys": Topology.SINGLE,
    "redis+cluster": Topology.CLUSTER,
    "redis+sentinel": Topology.SENTINEL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisURL:
    """A parsed URL. `service_name` is for Sentinels; the password is not in the `repr`."""

    topology: Topology
    hosts: list[tuple[str, int]]
    username: str | None
    password: str | None = field(repr=False)
    db: int
    service_name: str
    tls: bool
    tls_options: Mapping[str, str]


def parse_url(url: str) -> RedisURL | Path | None:
    """Return the server, the path of the file, or `None` for memory. Raises `InvalidStoreURL`."""
    if url in {"memory://", "memory:"}:
        return None
    if url.startswith("file:"):
        return parse_file_url(url)
    if url.partition("://")[0] in TOPOLOGIES:
        return parse_redis_url(url)
    known = ", ".join(f"{name}://" for name in ("memory", "file", *TOPOLOGIES))
    raise InvalidStoreURL(f"has an unknown scheme; write one of: {known}")


def parse_file_url(url: str) -> Path:
    """Return the absolute path, with symbolic links resolved. Raises `InvalidStoreURL`."""
    if find_spec("fcntl") is None:
        raise InvalidStoreURL("needs file locks (fcntl), which this system does not have")
    match = re.fullmatch(r"file://(?:localhost)?(/[^?#]*[^?#/])", url)
    if match is None:
        raise InvalidStoreURL("names no absolute path to a file; write file:///path/accounts.jsonl")
    # Links are resolved so that two names of one file share its lock. Path.resolve would raise
    # for a circle of links; here, opening the file raises.
    return Path(os.path.realpath(unquote(match[1])))


def parse_redis_url(url: str) -> RedisURL:
    """Parse the URL of a server, a cluster or Sentinels. Raises `InvalidStoreURL`."""
    scheme, _, rest = url.partition("://")
    topology = TOPOLOGIES[scheme]
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    userinfo, _, hosts = authority.rpartition("@")
    username, _, password = userinfo.partition(":")
    service_name, _, db = path.partition("/") if topology is Topology.SENTINEL else ("", "", path)
    if topology is Topology.SENTINEL and not service_name:
        raise InvalidStoreURL("names no service; end it in /service or /service/db")
    return RedisURL(
        topology=topology,
        hosts=_parse_hosts(hosts, topology),
        username=unquote(username) or None,
        password=unquote(password) or None,
        db=_parse_database(db, topology),
        service_name=unquote(service_name),
        tls=scheme in TLS_SCHEMES,
        tls_options=_parse_tls_options(query, scheme),
    )


def _parse_hosts(text: str, topology: Topology) -> list[tuple[str, int]]:
    default_port = DEFAULT_SENTINEL_PORT if topology is Topology.SENTINEL else DEFAULT_PORT
    hosts = [_parse_host(part, default_port) for part in text.split(",")]
    if len(hosts) > 1 and topology is Topology.SINGLE:
        raise InvalidStoreURL("names several hosts; only a cluster and Sentinels have several")
    return hosts


def _parse_host(text: str, default_port: int) -> tuple[str, int]:
    match = HOST_RE.fullmatch(text)
    port = int(match["port"] or default_port) if match else 0
    if match is None or not 0 < port <= MAX_PORT:
        raise InvalidStoreURL("names no host and port; write [user:password@]host:port")
    return match["host"].strip("[]"), port


def _parse_database(text: str, topology: Topology) -> int:
    if not re.fullmatch("0?" if topology is Topology.CLUSTER else "[0-9]{0,5}", text):
        raise InvalidStoreURL("has no valid database; end it in /0, or leave that out")
    return int(text or 0)


def _parse_tls_options(query: str, scheme: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    known = TLS_OPTIONS if scheme in TLS_SCHEMES else ()
    if not options.keys() <= set(known):
        raise InvalidStoreURL(f"has unknown options; TLS has {', '.join(TLS_OPTIONS)}")
    return options
