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
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")

USE_THIS_FORM = "write it as SCHEME://[user:password@]host:port/db, with %XX for special characters"


class InvalidStoreURL(ValueError):
    """The message says how to correct the URL. It reads on from the name of the setting."""


class Topology(Enum):
    SINGLE = auto()
    CLUSTER = auto()
    SENTINEL = auto()


TOPOLOGIES = {"redis+cluster": Topology.CLUSTER, "redis+sentinel": Topology.SENTINEL}


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


def parse_memory_url(url: str) -> None:
    if url.rstrip("/") != "memory:":
        raise InvalidStoreURL("has more than memory://; that is the whole URL")


def parse_file_url(url: str) -> Path:
    """Return the absolute path, with symbolic links resolved. Raises `InvalidStoreURL`."""
    if find_spec("fcntl") is None:
        raise InvalidStoreURL("needs file locks (fcntl), which this system does not have")
    host, _, path = url.removeprefix("file://").partition("/")
    if host not in {"", "localhost"} or not url.startswith("file://") or not path:
        raise InvalidStoreURL(
            "names no absolute path; write three slashes: file:///var/lib/accounts/accounts.jsonl"
        )
    path = unquote(f"/{path}")
    if path.endswith("/") or "\0" in path or "?" in url or "#" in url:
        raise InvalidStoreURL("names no file; write %3F for ? and %23 for # in its name")
    # Links are resolved so that two names of one file share its lock. Path.resolve would raise
    # for a circle of links; here, opening the file raises.
    return Path(os.path.realpath(path))


def parse_redis_url(url: str) -> RedisURL:
    """Parse the URL of a server, a cluster or Sentinels. Raises `InvalidStoreURL`."""
    scheme, _, rest = url.partition("://")
    topology = TOPOLOGIES.get(scheme, Topology.SINGLE)
    tls = scheme in {"rediss", "valkeys"}
    if not rest.isprintable() or " " in rest or "#" in rest:
        raise InvalidStoreURL(f"has a character that no URL may have; {USE_THIS_FORM}")
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    userinfo, _, hosts = authority.rpartition("@")
    username, _, password = userinfo.partition(":")
    service_name, _, db = path.partition("/") if topology is Topology.SENTINEL else ("", "", path)
    return RedisURL(
        topology=topology,
        hosts=_parse_hosts(hosts, topology),
        username=unquote(username) or None,
        password=unquote(password) or None,
        db=_parse_database(db, topology),
        service_name=_parse_service_name(service_name, topology),
        tls=tls,
        tls_options=_parse_tls_options(query, tls=tls),
    )


def _parse_hosts(text: str, topology: Topology) -> list[tuple[str, int]]:
    default_port = DEFAULT_SENTINEL_PORT if topology is Topology.SENTINEL else DEFAULT_PORT
    hosts = [_parse_host(part, default_port) for part in text.split(",")]
    if len(hosts) > 1 and topology is Topology.SINGLE:
        raise InvalidStoreURL(
            "names several hosts; only redis+cluster:// and redis+sentinel:// may"
        )
    return hosts


def _parse_host(text: str, default_port: int) -> tuple[str, int]:
    match = HOST_RE.fullmatch(text)
    port = int(match["port"] or default_port) if match else 0
    if match is None or not 0 < port <= MAX_PORT:
        raise InvalidStoreURL(f"names no host and port; {USE_THIS_FORM}")
    return match["host"].strip("[]"), port


def _parse_database(text: str, topology: Topology) -> int:
    if not re.fullmatch(r"[0-9]{0,5}", text):
        raise InvalidStoreURL("has a database that is no number; end it in /0, or leave that out")
    if topology is Topology.CLUSTER and int(text or 0):
        raise InvalidStoreURL("names a database, but a cluster has only 0; leave it out")
    return int(text or 0)


def _parse_service_name(text: str, topology: Topology) -> str:
    if topology is Topology.SENTINEL and not text:
        raise InvalidStoreURL(
            "names no service; write redis+sentinel://host:26379,host:26379/service/0"
        )
    return unquote(text)


def _parse_tls_options(query: str, *, tls: bool) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if options.keys() - set(TLS_OPTIONS) or (options and not tls):
        raise InvalidStoreURL(
            f"has options; only rediss:// and valkeys:// have some: {', '.join(TLS_OPTIONS)}"
        )
    return options
