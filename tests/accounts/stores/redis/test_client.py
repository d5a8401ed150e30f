"""Clusters and Sentinels."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from accounts.domain.users import EmailAddress
from tests.support.api import MovableClock
from tests.support.ports import free_port
from tests.support.redis import OpenStore, assert_unavailable, is_available
from tests.support.stores import (
    EMAIL,
    SID,
    USER,
    make_user,
    new_session,
    set_stamp,
    tracked_session,
)
from tests.support.valkey import Server, ask, valkey_binary, wait_until


def start_node(folder: Path) -> Server:
    folder.mkdir(exist_ok=True)
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    return Server(valkey_binary(), folder, *options)


def wait_until_ready(node: Server) -> None:
    wait_until(lambda: b"cluster_state:ok" in ask(node.port, "CLUSTER", "INFO"))


@pytest.fixture(scope="module")
def cluster_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A cluster of one node. It needs two seconds to start."""
    server = start_node(tmp_path_factory.mktemp("cluster"))
    ask(server.port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    wait_until_ready(server)
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
    found, listed = store.get_user_and_sessions(user.email)
    assert (found, listed.sessions) == (updated, [tracked])


def test_cluster_reads_no_batches(open_url: OpenStore, cluster: Server) -> None:
    store = open_url(cluster_url(cluster))
    users = [make_user(number) for number in range(9)]
    store.add_users(users)
    assert not store.supports_batch_reads
    found = store.get_users_and_sessions([(user.email, SID) for user in users])
    assert found == [(user, None) for user in users]


def test_cluster_lists_the_users_of_every_node(open_url: OpenStore, tmp_path: Path) -> None:
    first, second = (start_node(tmp_path / name) for name in ("first", "second"))
    try:
        ask(first.port, "CLUSTER", "ADDSLOTSRANGE", "0", "8000")
        ask(second.port, "CLUSTER", "ADDSLOTSRANGE", "8001", "16383")
        bus = ask(second.port, "CONFIG", "GET", "cluster-port").split()[-1].decode()
        ask(first.port, "CLUSTER", "MEET", "127.0.0.1", str(second.port), bus)
        wait_until_ready(first)
        wait_until_ready(second)
        store = open_url(cluster_url(first))
        users = {make_user(number) for number in range(3000)}
        store.add_users(users)
        assert set(store.iter_users()) == users
    finally:
        first.kill()
        second.kill()


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
    folder = tmp_path / "sentinel"
    folder.mkdir()
    configuration = folder / "sentinel.conf"
    configuration.write_text(
        f"sentinel monitor accounts 127.0.0.1 {server.port} 1\n"
        "sentinel down-after-milliseconds accounts 500\n"
    )
    sentinel = Server(valkey_binary(), folder, sentinel=configuration)
    yield sentinel
    sentinel.kill()


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


def test_sentinel_unknown_service_is_unavailable(open_url: OpenStore, sentinel: Server) -> None:
    assert_unavailable(open_url(f"redis+sentinel://127.0.0.1:{sentinel.port}/another").ping)


def test_cluster_that_refuses_changes_is_unavailable(open_url: OpenStore, cluster: Server) -> None:
    store = open_url(cluster_url(cluster))
    store.add_user(USER)
    ask(cluster.port, "CONFIG", "SET", "min-replicas-to-write", "1")
    try:
        assert_unavailable(store.ping, lambda: store.add_users([make_user(1)]))
        assert store.get_user(EMAIL) == USER
    finally:
        ask(cluster.port, "CONFIG", "SET", "min-replicas-to-write", "0")
    store.ping()


def test_sentinel_demoted_server_is_unavailable_until_promoted(
    open_url: OpenStore, server: Server, sentinel: Server
) -> None:
    store = open_url(f"redis+sentinel://127.0.0.1:{sentinel.port}/accounts/0")
    store.add_user(USER)
    ask(server.port, "REPLICAOF", "127.0.0.1", str(free_port()))
    assert_unavailable(store.ping, lambda: store.add_user(make_user(1)))
    ask(server.port, "REPLICAOF", "NO", "ONE")
    wait_until(lambda: is_available(store))
