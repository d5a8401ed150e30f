"""Clusters and Sentinels."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress
from accounts.stores.redis.client import connect, disconnect
from accounts.stores.redis.store import RedisStore
from accounts.stores.serialization import dump
from accounts.stores.url import parse_redis_url
from tests.support.api import MovableClock
from tests.support.ports import free_port
from tests.support.redis import OpenStore, assert_unavailable, is_available
from tests.support.server_refusals import demote, promote
from tests.support.stores import (
    EMAIL,
    SID,
    USER,
    make_user,
    new_session,
    set_stamp,
    tracked_session,
)
from tests.support.valkey import (
    ClusterNode,
    MovableAddress,
    Server,
    ask,
    valkey_binary,
    wait_until,
)


@pytest.fixture(scope="module")
def cluster_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A cluster of one node. It needs two seconds to start."""
    server = ClusterNode(tmp_path_factory.mktemp("cluster"))
    server.assign(0, 16383)
    wait_until(server.is_ready)
    yield server
    server.kill()


@pytest.fixture
def cluster(cluster_server: Server) -> Iterator[Server]:
    ask(cluster_server.port, "FLUSHALL")
    yield cluster_server
    cluster_server.resume()


def cluster_url(server: Server) -> str:
    return f"redis+cluster://127.0.0.1:{server.port}"


@pytest.mark.parametrize("local", ["user", "}", "{}", "a}b", "{a"])
def test_cluster_keeps_account_in_one_slot(
    open_url: OpenStore, cluster: Server, clock: MovableClock, local: str
) -> None:
    user = replace(USER, email=EmailAddress(f"{local}@example.com"))
    store = open_url(cluster_url(cluster))
    store.add_users([user])
    session = store.update_session(user.email, SID, lambda current: new_session(clock))
    updated = store.update_user(user.email, set_stamp("version-2"))
    assert store.get_user_and_session(user.email, SID) == (updated, session)
    tracked = tracked_session(clock, 1)
    store.update_sessions(user.email, lambda listed: [*listed, tracked])
    assert store.get_sessions(user.email) == [tracked]


def test_cluster_reads_no_batches(open_url: OpenStore, cluster: Server) -> None:
    store = open_url(cluster_url(cluster))
    users = [make_user(number) for number in range(9)]
    store.add_users(users)
    assert not store.supports_batch_reads
    found = store.get_users_and_sessions([(user.email, SID) for user in users])
    assert found == [(user, None) for user in users]


@pytest.fixture(scope="module")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClusterNode]]:
    folder = tmp_path_factory.mktemp("nodes")
    options = ("--cluster-require-full-coverage", "no")
    nodes = [ClusterNode(folder / name, *options) for name in ("first", "second", "third")]
    for node, slots in zip(nodes, ((0, 5500), (5501, 11000), (11001, 16383)), strict=True):
        node.assign(*slots)
        node.join(nodes[0])
    wait_until(lambda: all(node.is_ready() for node in nodes))
    yield nodes
    for node in nodes:
        node.kill()


def test_cluster_lists_the_users_of_every_node(
    open_url: OpenStore, three_nodes: list[ClusterNode]
) -> None:
    store = open_url(cluster_url(three_nodes[0]))
    users = {make_user(number) for number in range(3000)}
    store.add_users(users)
    assert set(store.iter_users()) == users


@pytest.mark.usefixtures("short_timeout", "no_hold")
def test_cluster_is_available_while_most_nodes_are(
    open_url: OpenStore, three_nodes: list[ClusterNode], caplog: pytest.LogCaptureFixture
) -> None:
    store = open_url(cluster_url(three_nodes[0]))
    assert is_available(store)
    try:
        three_nodes[1].pause()
        for _ in range(3):
            assert is_available(store)
        three_nodes[2].pause()
        assert_unavailable(store.ping, store.check_writable)
    finally:
        for node in three_nodes:
            node.resume()
    wait_until(lambda: is_available(store))
    lines = [
        one.message.partition(" fail")[0] for one in caplog.records if one.levelname == "ERROR"
    ]
    assert sorted(lines) == sorted(
        f"{calls} the store's node 127.0.0.1:{node.port}"
        for node in three_nodes[1:]
        for calls in ("reads from", "changes to")
    )


def test_cluster_is_writable_while_half_of_its_nodes_are(
    open_url: OpenStore, three_nodes: list[ClusterNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two keys, in the second and the third node: with many nodes, some have no key.
    monkeypatch.setattr("accounts.stores.redis.client.MAX_MARKER_KEYS", 2)
    store = open_url(cluster_url(three_nodes[0]))
    refusing = three_nodes[1:]
    try:
        ask(refusing[0].port, "CONFIG", "SET", "min-replicas-to-write", "1")
        store.check_writable()
        ask(refusing[1].port, "CONFIG", "SET", "min-replicas-to-write", "1")
        assert_unavailable(store.check_writable)
    finally:
        for node in refusing:
            ask(node.port, "CONFIG", "SET", "min-replicas-to-write", "0")


# The rights that are taken from a node, and the calls that then fail.
READS: dict[str, Callable[[AccountStore], object]] = {
    "get_user": lambda store: store.get_user(EMAIL),
    "get_user_and_session": lambda store: store.get_user_and_session(EMAIL, SID),
    "get_sessions": lambda store: store.get_sessions(EMAIL),
    "was_emptied": lambda store: store.was_emptied(),
}
CHANGES: dict[str, Callable[[AccountStore], object]] = {
    "add_user": lambda store: store.add_user(make_user(1)),
    "update_user": lambda store: store.update_user(EMAIL, set_stamp("version-2")),
    "delete_user": lambda store: store.delete_user(EMAIL, lambda user: None),
    "update_session": lambda store: store.update_session(
        EMAIL, SID, lambda current: new_session(MovableClock())
    ),
    "update_sessions": lambda store: store.update_sessions(
        EMAIL, lambda listed: [tracked_session(MovableClock(), 1)]
    ),
    "was_emptied": lambda store: store.was_emptied(),
}
REFUSED_CALLS = [
    *(("reads from", "-get -mget -eval", call) for call in READS.values()),
    *(("changes to", "-set -del", call) for call in CHANGES.values()),
]


@pytest.mark.parametrize("refused", REFUSED_CALLS, ids=[*READS, *CHANGES])
def test_refusal_of_a_cluster_is_logged_once_with_the_node(
    open_url: OpenStore,
    cluster: Server,
    caplog: pytest.LogCaptureFixture,
    refused: tuple[str, str, Callable[[AccountStore], object]],
) -> None:
    message, rights, call = refused
    ask(cluster.port, "SET", f"acct:{{{EMAIL}}}:user", dump(USER))
    ask(cluster.port, "ACL", "SETUSER", "default", *rights.split())
    try:
        with suppress(StoreUnavailable):
            call(open_url(cluster_url(cluster)))
    finally:
        ask(cluster.port, "ACL", "SETUSER", "default", "+@all")
    [error] = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert error.startswith(f"{message} the store's node 127.0.0.1:{cluster.port} fail: ")


def test_cluster_first_node_away_uses_second(open_url: OpenStore, cluster: Server) -> None:
    open_url(f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{cluster.port}").ping()


@pytest.mark.usefixtures("short_timeout")
@pytest.mark.parametrize("connected", [True, False])
def test_cluster_stalled_fails_64_threads_soon(
    open_url: OpenStore, cluster: Server, connected: bool
) -> None:
    store = open_url(cluster_url(cluster))
    if connected:
        store.ping()
    cluster.pause()
    # Without the lock's timeout, the threads would connect one after another, for 32 seconds.
    assert_unavailable(*[lambda: store.get_user(EMAIL)] * 64)
    cluster.resume()
    wait_until(lambda: is_available(store))


@pytest.fixture
def sentinel(tmp_path: Path, server: Server) -> Iterator[Server]:
    sentinel = start_sentinel(tmp_path / "sentinel", server)
    yield sentinel
    sentinel.kill()


def start_sentinel(folder: Path, server: Server) -> Server:
    folder.mkdir()
    configuration = folder / "sentinel.conf"
    configuration.write_text(
        f"sentinel monitor accounts 127.0.0.1 {server.port} 1\n"
        "sentinel down-after-milliseconds accounts 500\n"
    )
    return Server(valkey_binary(), folder, sentinel=configuration)


def name_primary(sentinel: Server, server: Server) -> None:
    """Let a Sentinel name this server as the primary."""
    ask(sentinel.port, "SENTINEL", "REMOVE", "accounts")
    ask(sentinel.port, "SENTINEL", "MONITOR", "accounts", "127.0.0.1", str(server.port), "1")


class CountingAddress(MovableAddress):
    """Counts how often a Sentinel is asked for the primary."""

    count = 0

    def _send(self, destination: socket.socket, data: bytes) -> None:
        self.count += b"GET-MASTER-ADDR-BY-NAME" in data
        super()._send(destination, data)


@pytest.fixture
def late_sentinel(tmp_path: Path, server: Server) -> Iterator[CountingAddress]:
    """A second one that goes on naming the first primary."""
    sentinel = start_sentinel(tmp_path / "late_sentinel", server)
    with closing(CountingAddress(sentinel.port)) as address:
        yield address
    sentinel.kill()


@pytest.fixture
def frequent_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.stores.redis.sentinel.POLL_SECONDS", 0.05)


def get_sentinel_url(*sentinels: Server | MovableAddress) -> str:
    return f"redis+sentinel://{','.join(f'127.0.0.1:{one.port}' for one in sentinels)}/accounts/0"


def test_sentinel_first_away_uses_second(
    open_url: OpenStore, server: Server, sentinel: Server
) -> None:
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}"
    store = open_url(f"redis+sentinel://{hosts}/accounts/0")
    store.add_user(USER)
    assert store.get_user(EMAIL) == USER


def test_sentinel_server_restarted_is_found_again(
    open_url: OpenStore, server: Server, sentinel: Server
) -> None:
    store = open_url(f"redis+sentinel://127.0.0.1:{sentinel.port}/accounts/0")
    store.ping()
    server.kill()
    assert_unavailable(store.ping)
    server.start()
    wait_until(lambda: is_available(store))


def test_sentinels_away_leave_the_known_primary(
    open_url: OpenStore, server: Server, sentinel: Server
) -> None:
    store = open_url(get_sentinel_url(sentinel))
    store.ping()
    sentinel.kill()
    server.kill()  # New connections are needed.
    server.start()
    store.ping()


def test_closed_store_ends_its_threads(open_url: OpenStore, sentinel: Server) -> None:
    others = set(threading.enumerate())
    store = open_url(get_sentinel_url(sentinel))
    store.ping()
    own = set(threading.enumerate()) - others
    assert own
    assert all(thread.daemon for thread in own)
    store.close()
    wait_until(lambda: not any(thread.is_alive() for thread in own))


def test_sentinel_that_names_another_primary_is_followed(
    open_url: OpenStore,
    server: Server,
    sentinel: Server,
    valkey_server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask(valkey_server.port, "FLUSHALL")
    store = open_url(get_sentinel_url(sentinel))
    store.add_user(USER)
    name_primary(sentinel, valkey_server)
    wait_until(lambda: store.get_user(EMAIL) is None)
    new, old = (f"127.0.0.1:{one.port}" for one in (valkey_server, server))
    assert f"Sentinels name {new} as the primary, and no longer {old}" in caplog.text


def test_batch_on_event_loop_follows_sentinel(
    open_url: OpenStore, server: Server, sentinel: Server, valkey_server: Server
) -> None:
    store = open_url(get_sentinel_url(sentinel))
    assert isinstance(store, RedisStore)
    store.add_user(USER)
    read = partial(store.aget_users_and_sessions, [(EMAIL, SID)])
    assert [asyncio.run(read()) for _ in range(2)] == [[(USER, None)]] * 2
    ask(valkey_server.port, "FLUSHALL")
    name_primary(sentinel, valkey_server)
    wait_until(lambda: asyncio.run(read()) == [(None, None)])


@pytest.mark.usefixtures("frequent_polls")
def test_sentinel_is_asked_again_after_an_outage(
    open_url: OpenStore, sentinel: Server, valkey_server: Server
) -> None:
    ask(valkey_server.port, "FLUSHALL")
    store = open_url(get_sentinel_url(sentinel))
    store.add_user(USER)
    sentinel.kill()
    (sentinel.folder / "sentinel.conf").write_text(
        f"sentinel monitor accounts 127.0.0.1 {valkey_server.port} 1\n"
    )
    sentinel.start()
    wait_until(lambda: store.get_user(EMAIL) is None)


@pytest.mark.usefixtures("frequent_polls")
def test_sentinel_that_is_behind_is_not_followed(
    open_url: OpenStore,
    sentinel: Server,
    late_sentinel: CountingAddress,
    valkey_server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask(valkey_server.port, "FLUSHALL")
    store = open_url(get_sentinel_url(sentinel, late_sentinel))
    store.add_user(USER)
    name_primary(sentinel, valkey_server)
    wait_until(lambda: store.get_user(EMAIL) is None)
    before = late_sentinel.count
    wait_until(lambda: late_sentinel.count > before + 2)
    assert store.get_user(EMAIL) is None
    assert caplog.text.count("Sentinels name ") == 1


@pytest.mark.parametrize("kind", ["", "+sentinel"])
def test_no_command_is_repeated_or_waits_longer_than_a_second(kind: str) -> None:
    path = "accounts/3" if kind else "3"
    client = connect(parse_redis_url(f"redis{kind}://127.0.0.1:{free_port()}/{path}"))
    try:
        pool: Any = client.connection_pool  # type: ignore[union-attr]  # no cluster
        assert pool.connection_kwargs["db"] == 3
        pools = [pool]
        if kind:
            pools += [one.connection_pool for one in pool.sentinel_manager.sentinels]
        for options in (one.connection_kwargs for one in pools):
            assert options["socket_timeout"] == options["socket_connect_timeout"] == 1
            assert options["retry"].get_retries() == 0
            assert options["protocol"] == 2  # 3 would send one more command
    finally:
        disconnect(client)


def test_failure_of_each_sentinel_is_logged(
    open_url: OpenStore, sentinel: Server, caplog: pytest.LogCaptureFixture
) -> None:
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}"
    assert_unavailable(open_url(f"redis+sentinel://{hosts}/another").ping)
    assert "No primary found for 'another': ConnectionError: " in caplog.text
    assert "Connection refused.; a Sentinel does not know it" in caplog.text


def test_cluster_that_refuses_changes_is_unavailable(open_url: OpenStore, cluster: Server) -> None:
    store = open_url(cluster_url(cluster))
    store.add_user(USER)
    ask(cluster.port, "CONFIG", "SET", "min-replicas-to-write", "1")
    try:
        assert_unavailable(store.check_writable, lambda: store.add_users([make_user(1)]))
        assert store.get_user(EMAIL) == USER
    finally:
        ask(cluster.port, "CONFIG", "SET", "min-replicas-to-write", "0")
    store.ping()


def test_sentinel_demoted_server_is_unavailable_until_promoted(
    open_url: OpenStore, server: Server, sentinel: Server, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_url(f"redis+sentinel://127.0.0.1:{sentinel.port}/accounts/0")
    store.add_user(USER)
    demote(server)
    assert_unavailable(store.check_writable, lambda: store.add_user(make_user(1)))
    assert "(the server is a replica: promote it, or correct the address)" in caplog.text
    promote(server)
    wait_until(lambda: is_available(store))
