"""TLS with client certificates, and ACL users: a real server of each kind."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from accounts.stores.redis.store import RedisStore
from accounts.stores.url import TLS_SCHEMES, TOPOLOGIES
from tests.support.api import MovableClock
from tests.support.ports import free_port
from tests.support.redis import OpenStore, assert_unavailable
from tests.support.stores import EMAIL, SID, USER, new_session
from tests.support.system_programs import find_program
from tests.support.tls import Certificates, make_certificates
from tests.support.valkey import Server, ask, wait_until

PASSWORD = "p/+:#?@s3cret"
SENTINEL_PASSWORD = "s+&:s3cret"
RIGHTS = ("~acct:*", "+@read", "+@write", "+@scripting", "+@connection")
CLUSTER_RIGHTS = ("+command", "+cluster|slots")
SENTINEL_RIGHTS = ("+auth", "+sentinel|get-master-addr-by-name", "+subscribe", "&+*")
"""The rights of docs/operate/servers.md."""


def build_options(certificates: Certificates, tls_port: int) -> list[str]:
    authority, certificate, key = map(str, certificates)
    return [
        *("--tls-port", str(tls_port)),
        *("--tls-ca-cert-file", authority),
        *("--tls-cert-file", certificate),
        *("--tls-key-file", key),
    ]


def add_user(server: Server, password: str, *rights: str) -> None:
    """Add the ACL user `service`. Nobody else may do anything from now on."""
    assert (
        ask(server.port, "ACL", "SETUSER", "service", "on", f">{password}", *rights) == b"+OK\r\n"
    )
    assert ask(server.port, "ACL", "SETUSER", "default", "off") == b"+OK\r\n"


def start_server(folder: Path, certificates: Certificates, *options: str) -> tuple[Server, int]:
    """Start a server. Return it with its port for TLS."""
    tls_port = free_port()
    tls_options = build_options(certificates, tls_port)
    return Server(find_program("redis-server"), folder, *tls_options, *options), tls_port


def start_cluster(folder: Path, certificates: Certificates) -> tuple[Server, int]:
    options = (
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        str(free_port()),
        "--tls-cluster",
        "yes",
    )
    server, tls_port = start_server(folder, certificates, *options)
    ask(server.port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    wait_until(lambda: b"cluster_state:ok" in ask(server.port, "CLUSTER", "INFO"))
    return server, tls_port


def start_sentinel(folder: Path, certificates: Certificates, primary: int) -> tuple[Server, int]:
    """Start a Sentinel that connects to the TLS port of its primary."""
    tls_port = free_port()
    options = build_options(certificates, tls_port)
    lines = [f"{name[2:]} {value}" for name, value in zip(options[::2], options[1::2], strict=True)]
    (folder / "sentinel.conf").write_text(
        "\n".join(
            [*lines, "tls-replication yes", f"sentinel monitor accounts 127.0.0.1 {primary} 1"]
        )
    )
    binary = find_program("redis-server")
    return Server(binary, folder, sentinel=folder / "sentinel.conf"), tls_port


class Servers(NamedTuple):
    """A server, a cluster, and a Sentinel of the server. Each has a port for TLS."""

    addresses: dict[str, str]
    certificates: Certificates

    def build_url(self, scheme: str, *, trusted: bool = True, password: str = PASSWORD) -> str:
        kind = scheme.partition("+")[2]
        options = []
        if trusted:
            names = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
            options += [
                f"{name}={path}" for name, path in zip(names, self.certificates, strict=True)
            ]
        if kind == "sentinel":
            quoted = quote(SENTINEL_PASSWORD, safe="+")
            options += ["sentinel_username=service", f"sentinel_password={quoted}"]
        userinfo = f"service:{quote(password, safe='+')}"
        return f"{scheme}://{userinfo}@{self.addresses[kind]}?{'&'.join(options)}"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    certificates = make_certificates(tmp_path_factory.mktemp("certificates"))
    with ExitStack() as stack:
        server, server_port = start_server(tmp_path_factory.mktemp("server"), certificates)
        stack.callback(server.kill)
        cluster, cluster_port = start_cluster(tmp_path_factory.mktemp("cluster"), certificates)
        stack.callback(cluster.kill)
        folder = tmp_path_factory.mktemp("sentinel")
        sentinel, sentinel_port = start_sentinel(folder, certificates, server_port)
        stack.callback(sentinel.kill)
        wait_until(
            lambda: b"flags\r\n$6\r\nmaster\r\n" in ask(sentinel.port, "SENTINEL", "MASTERS")
        )
        add_user(server, PASSWORD, *RIGHTS)
        add_user(cluster, PASSWORD, *RIGHTS, *CLUSTER_RIGHTS)
        add_user(sentinel, SENTINEL_PASSWORD, *SENTINEL_RIGHTS)
        addresses = {
            "": f"127.0.0.1:{server_port}/0",
            "cluster": f"127.0.0.1:{cluster_port}/0",
            "sentinel": f"127.0.0.1:{sentinel_port}/accounts/0",
        }
        yield Servers(addresses, certificates)


@pytest.mark.parametrize(
    "scheme", [name for name in TOPOLOGIES if name.partition("+")[0] in TLS_SCHEMES]
)
def test_every_kind_takes_tls_with_acl_user(
    open_url: OpenStore,
    servers: Servers,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
) -> None:
    store = open_url(servers.build_url(scheme))
    store.add_users([USER])
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    assert store.get_user_and_session(EMAIL, SID) == (USER, session)
    if store.supports_batch_reads:
        assert isinstance(store, RedisStore)
        for _ in range(2):  # on a thread, and on the event loop
            read = store.aget_users_and_sessions([(EMAIL, SID)])
            assert asyncio.run(read) == [(USER, session)]
    assert list(store.iter_users()) == [USER]
    store.delete_user(EMAIL, lambda user: None)
    store.ping()
    store.check_writable()
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


FAULTS: dict[str, dict[str, Any]] = {
    "authority": {"trusted": False},
    "password": {"password": "s3cret"},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["", "+cluster", "+sentinel"])
def test_wrong_authority_or_password_is_unavailable_and_secret(
    open_url: OpenStore,
    servers: Servers,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    fault: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    url = servers.build_url(f"rediss{kind}", **FAULTS[fault])
    assert_unavailable(open_url(url).ping)
    assert "reads from the store fail" in caplog.text
    assert "s3cret" not in caplog.text
