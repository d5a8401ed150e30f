"""`?wait_replicas=1`: a change is confirmed when a replica has it."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import User
from tests.support.api import MovableClock
from tests.support.ports import free_port
from tests.support.redis import OpenStore, is_available
from tests.support.stores import EMAIL, SID, USER, make_user, new_session, set_stamp
from tests.support.valkey import Server, ask, valkey_binary, wait_until


class Pair(NamedTuple):
    url: str
    primary: Server
    replica: Server

    def connect(self) -> None:
        """Let the replica follow the primary."""
        if "cluster" in self.url:
            node_id = ask(self.primary.port, "CLUSTER", "MYID").split()[-1].decode()
            wait_until(
                lambda: ask(self.replica.port, "CLUSTER", "REPLICATE", node_id) == b"+OK\r\n"
            )
        else:
            ask(self.replica.port, "REPLICAOF", "127.0.0.1", str(self.primary.port))
        wait_until(
            lambda: b"master_link_status:up" in ask(self.replica.port, "INFO", "replication")
        )


def start_servers(folder: Path, *options: str) -> tuple[Server, Server]:
    servers = []
    for name in ("primary", "replica"):
        (folder / name).mkdir()
        more = ["--repl-diskless-sync-delay", "0"]
        if options:
            more += ["--cluster-port", str(free_port())]
        servers.append(Server(valkey_binary(), folder / name, *options, *more))
    return servers[0], servers[1]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pair]]:
    with ExitStack() as stack:
        plain = start_servers(tmp_path_factory.mktemp("plain"))
        cluster = start_servers(tmp_path_factory.mktemp("cluster"), "--cluster-enabled", "yes")
        for server in (*plain, *cluster):
            stack.callback(server.kill)
        ask(cluster[0].port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        bus = ask(cluster[1].port, "CONFIG", "GET", "cluster-port").split()[-1].decode()
        ask(cluster[0].port, "CLUSTER", "MEET", "127.0.0.1", str(cluster[1].port), bus)
        wait_until(lambda: b"cluster_state:ok" in ask(cluster[1].port, "CLUSTER", "INFO"))
        pairs = {
            "server": Pair(f"valkey://127.0.0.1:{plain[0].port}/0", *plain),
            "cluster": Pair(f"valkey+cluster://127.0.0.1:{cluster[0].port}", *cluster),
        }
        for pair in pairs.values():
            pair.connect()
        yield pairs


@pytest.fixture(params=["server", "cluster"])
def pair(pairs: dict[str, Pair], request: pytest.FixtureRequest) -> Iterator[Pair]:
    pair = pairs[request.param]
    ask(pair.primary.port, "FLUSHALL")
    yield pair
    pair.replica.resume()


@pytest.fixture
def store(pair: Pair, open_url: OpenStore, monkeypatch: pytest.MonkeyPatch) -> AccountStore:
    monkeypatch.setattr("accounts.stores.redis.replication.WAIT_MS", 300)
    return open_url(f"{pair.url}?wait_replicas=1")


def test_changes_with_a_replica_are_confirmed(store: AccountStore, clock: MovableClock) -> None:
    store.add_user(USER)
    assert store.add_users([USER, make_user(1)]) == 1
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    updated = store.update_user(EMAIL, set_stamp("version-2"))
    assert store.get_user_and_session(EMAIL, SID) == (updated, session)
    store.check_writable()
    store.delete_user(EMAIL, lambda user: None)
    assert store.get_user(EMAIL) is None


def test_change_without_a_replica_is_made_and_unavailable(
    pair: Pair, store: AccountStore, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.add_user(USER)
    pair.replica.pause()
    updated = replace(USER, security_stamp="version-2")
    with pytest.raises(StoreUnavailable):
        store.update_user(EMAIL, lambda user: updated)
    assert store.get_user(EMAIL) == updated
    [line] = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert "NotReplicated: a change was made, and 0 of 1 replicas have confirmed it" in line


def test_repeated_change_is_confirmed_only_with_a_replica(
    pair: Pair, store: AccountStore, clock: MovableClock
) -> None:
    store.add_user(USER)
    pair.replica.pause()
    for _ in range(2):  # The second time, the value is already there.
        with pytest.raises(StoreUnavailable):
            store.update_session(EMAIL, SID, lambda current: new_session(clock))
    pair.replica.resume()
    store.update_session(EMAIL, SID, lambda current: new_session(clock))


def test_batch_without_a_replica_is_unavailable(pair: Pair, store: AccountStore) -> None:
    pair.replica.pause()
    with pytest.raises(StoreUnavailable):
        store.add_users([make_user(1)])


def test_reads_need_no_replica(pair: Pair, store: AccountStore) -> None:
    store.add_user(USER)
    pair.replica.pause()
    assert store.get_user(EMAIL) == USER
    store.ping()


def fail_over(server: Server) -> None:
    """Make a replica of a cluster the primary."""
    assert ask(server.port, "CLUSTER", "FAILOVER") == b"+OK\r\n"
    wait_until(lambda: b"role:master" in ask(server.port, "INFO", "replication"))


@pytest.mark.parametrize("pair", ["cluster"], indirect=True)
def test_change_while_its_slot_moves_is_unavailable(pair: Pair, store: AccountStore) -> None:
    updated = replace(USER, security_stamp="version-2")

    def update(user: User) -> User:
        if user != updated:
            fail_over(pair.replica)
        return updated

    store.add_user(USER)
    with pytest.raises(StoreUnavailable):
        store.update_user(EMAIL, update)
    fail_over(pair.primary)
    wait_until(lambda: is_available(store))
    assert store.update_user(EMAIL, update) == updated
