"""Parses the URL of a store.

No error message repeats any part of the URL that may hold a password. Servers, clusters and
Sentinels share one parser; redis-py's `from_url` takes one host, ignores a database that is not a
number, and quotes a bad port.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

DEFAULT_PORT, DEFAULT_SENTINEL_PORT = 6379, 26379
MAX_PORT = 65_535
HOST_RE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
TLS_SCHEMES = {"rediss", "valkeys"}
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")


class InvalidStoreURL(ValueError):
    """Says how to correct the URL.

    The message continues the setting's name: `STORE_URL` + `has an unknown scheme`.
    """


class Topology(Enum):
    SINGLE = auto()
    CLUSTER = auto()
    SENTINEL = auto()


TOPOLOGIES = {
    f"{server}{suffix}": topology
    for suffix, topology in (
        ("", Topology.SINGLE),
        ("+cluster", Topology.CLUSTER),
        ("+sentinel", Topology.SENTINEL),
    )
    for server in ("redis", "rediss", "valkey", "valkeys")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisURL:
    """A parsed URL. Its `repr` has no password. `service_name` and `sentinel_*` are for Sentinels.

    `url` is for the `from_url` of redis-py, without options; only a single server has one.
    """

    topology: Topology
    url: str = field(repr=False)
    hosts: list[tuple[str, int]]
    username: str | None
    password: str | None = field(repr=False)
    db: int
    service_name: str
    sentinel_username: str | None
    sentinel_password: str | None = field(repr=False)
    tls: bool
    tls_options: Mapping[str, str]
    wait_replicas: int
    """How many replicas must confirm a change before its response; 0 waits for none."""


def parse_url(url: str) -> RedisURL | Path | None:
    """Return the server, the path of the file, or `None` for memory. Raises `InvalidStoreURL`."""
    if url in {"memory://", "memory:"}:
        return None
    if url.startswith("file:"):
        return parse_file_url(url)
    if url.partition("://")[0] in TOPOLOGIES:
        return parse_redis_url(url)
    raise InvalidStoreURL(
        "has an unknown scheme; write memory://, file://, or one of redis://, rediss://, valkey:// "
        "and valkeys://, also with +cluster or +sentinel before ://"
    )


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
    parts = _split(url)
    topology = TOPOLOGIES[parts.scheme]
    server, _, _ = parts.scheme.partition("+")
    userinfo, _, hosts = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    service_name, db = _split_path(parts.path.removeprefix("/"), topology)
    tls = server in TLS_SCHEMES
    options = _parse_options(parts.query, topology, tls=tls)
    return RedisURL(
        topology=topology,
        url=f"{'rediss' if tls else 'redis'}://{parts.netloc}{parts.path}",
        hosts=_parse_hosts(hosts, topology),
        username=unquote(username) or None,
        password=unquote(password) or None,
        db=_parse_database(db, topology),
        service_name=unquote(service_name),
        sentinel_username=options.get("sentinel_username") or None,
        sentinel_password=options.get("sentinel_password") or None,
        tls=tls,
        tls_options={name: options[name] for name in TLS_OPTIONS if name in options},
        wait_replicas=_parse_wait_replicas(options.get("wait_replicas", "0")),
    )


def _split(url: str) -> SplitResult:
    """Split a URL as redis-py does. Raises `InvalidStoreURL`."""
    # urlsplit drops line breaks and tabs, and what follows a # is not sent: neither may be lost
    # from a password.
    if "#" in url or re.search(r"[\x00-\x20\x7f]", url):
        raise InvalidStoreURL("has a space, a control character or a #; write them as %XX")
    try:
        return urlsplit(url)
    except ValueError:
        raise InvalidStoreURL("names no host and port; write special characters as %XX") from None


def _split_path(path: str, topology: Topology) -> tuple[str, str]:
    """Return the name of the Sentinels' service, or none, and the database."""
    if topology is not Topology.SENTINEL:
        return "", path
    service_name, _, db = path.partition("/")
    if not service_name:
        raise InvalidStoreURL("names no service; end it in /service or /service/db")
    return service_name, db


def _parse_hosts(text: str, topology: Topology) -> list[tuple[str, int]]:
    default_port = DEFAULT_SENTINEL_PORT if topology is Topology.SENTINEL else DEFAULT_PORT
    hosts = [_parse_host(part, default_port) for part in text.split(",")]
    if len(hosts) > 1 and topology is Topology.SINGLE:
        raise InvalidStoreURL("names several hosts; only a cluster and Sentinels have several")
    return hosts


def _parse_host(text: str, default_port: int) -> tuple[str, int]:
    match = HOST_RE.fullmatch(text)
    if match and 0 < (port := int(match["port"] or default_port)) <= MAX_PORT:
        return match["host"].strip("[]"), port
    raise InvalidStoreURL("names no host and port; write [user:password@]host:port")


def _parse_database(text: str, topology: Topology) -> int:
    if not re.fullmatch("0?" if topology is Topology.CLUSTER else "[0-9]{0,5}", text):
        raise InvalidStoreURL("has no valid database; end it in /0, or leave that out")
    return int(text or 0)


def _parse_options(query: str, topology: Topology, *, tls: bool) -> dict[str, str]:
    # A + stays a +, as in the rest of the URL.
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    known = ["wait_replicas"]
    if tls:
        known += TLS_OPTIONS
    if topology is Topology.SENTINEL:
        known += SENTINEL_OPTIONS
    if not options.keys() <= set(known):
        raise InvalidStoreURL(f"has an unknown option; this form has: {', '.join(known)}")
    return options


def _parse_wait_replicas(text: str) -> int:
    if not re.fullmatch("[0-9]", text):
        raise InvalidStoreURL("has no valid wait_replicas; write a number from 0 to 9")
    return int(text)
