"""What a store's URL says. Read here alone, so that what is checked at start is what is opened.

No message repeats any part of a URL that could hold a password.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from urllib.parse import parse_qsl, unquote

PORT, SENTINEL_PORT = 6379, 26379
MAX_PORT = 65_535
HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
CERTIFICATES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")

REMOTE_FORM = "write it as SCHEME://[user:password@]host:port/db, with %XX for special characters"


class InvalidStoreURL(ValueError):
    """A store's URL that cannot be meant; the message has the remedy, and never the URL itself."""


class Topology(Enum):
    SINGLE = auto()
    CLUSTER = auto()
    SENTINEL = auto()


TOPOLOGIES = {"redis+cluster": Topology.CLUSTER, "redis+sentinel": Topology.SENTINEL}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisURL:
    """Where a server is. `service` is Sentinel's name of it; its repr shows no password."""

    topology: Topology
    hosts: list[tuple[str, int]]
    username: str | None
    password: str | None = field(repr=False)
    db: int = 0
    service: str = ""
    tls: bool = False
    certificates: Mapping[str, str] = field(default_factory=dict)


def parse_file_url(url: str) -> Path:
    """Return the path of a `file://` URL, absolute and without links. Raises `InvalidStoreURL`."""
    host, _, path = url.removeprefix("file://").partition("/")
    if host not in {"", "localhost"} or not url.startswith("file://") or not path:
        raise InvalidStoreURL(
            "names no absolute path; write three slashes: file:///var/lib/accounts/accounts.jsonl"
        )
    path = unquote(f"/{path}")
    if path.endswith("/") or "\0" in path or "?" in url or "#" in url:
        raise InvalidStoreURL("names no file; write %3F for ? and %23 for # in its name")
    # Where two names lead to one file, both must find the one lock beside it.
    # (Path.resolve would raise for links in a circle; opening the file tells of those.)
    return Path(os.path.realpath(path))


def parse_redis_url(url: str) -> RedisURL:
    """Read the URL of a server, of Sentinels, or of a cluster. Raises `InvalidStoreURL`."""
    scheme, _, rest = url.partition("://")
    topology = TOPOLOGIES.get(scheme, Topology.SINGLE)
    if not rest.isprintable() or " " in rest or "#" in rest:
        raise InvalidStoreURL(f"holds a character that no URL can; {REMOTE_FORM}")
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    userinfo, _, hosts = authority.rpartition("@")
    username, _, password = userinfo.partition(":")
    service, _, db = path.partition("/") if topology is Topology.SENTINEL else ("", "", path)
    tls = scheme in {"rediss", "valkeys"}
    return RedisURL(
        topology=topology,
        hosts=_hosts(hosts, topology),
        username=unquote(username) or None,
        password=unquote(password) or None,
        db=_database(db, only_zero=topology is Topology.CLUSTER),
        service=_service(service) if topology is Topology.SENTINEL else "",
        tls=tls,
        certificates=_certificates(query, tls=tls),
    )


def _hosts(text: str, topology: Topology) -> list[tuple[str, int]]:
    default_port = SENTINEL_PORT if topology is Topology.SENTINEL else PORT
    found = [HOST.fullmatch(part) for part in text.split(",")]
    matches = [match for match in found if match is not None]
    ports = [int(match["port"] or default_port) for match in matches]
    if len(matches) < len(found) or not all(0 < port <= MAX_PORT for port in ports):
        raise InvalidStoreURL(f"names no host and port; {REMOTE_FORM}")
    if len(matches) > 1 and topology is Topology.SINGLE:
        raise InvalidStoreURL(
            "names several hosts; only redis+cluster:// and redis+sentinel:// may"
        )
    return [(match["host"].strip("[]"), port) for match, port in zip(matches, ports, strict=True)]


def _database(text: str, *, only_zero: bool) -> int:
    if not re.fullmatch(r"[0-9]{0,5}", text):
        raise InvalidStoreURL("has a database that is no number; end it in /0, or leave that out")
    if only_zero and int(text or 0):
        raise InvalidStoreURL("names a database, and a cluster has only 0; leave it out")
    return int(text or 0)


def _service(text: str) -> str:
    if not text:
        raise InvalidStoreURL(
            "names no service; write redis+sentinel://host:26379,host:26379/service/0"
        )
    return unquote(text)


def _certificates(query: str, *, tls: bool) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if options.keys() - set(CERTIFICATES) or (options and not tls):
        raise InvalidStoreURL(
            f"has options; only rediss:// and valkeys:// have some: {', '.join(CERTIFICATES)}"
        )
    return options
