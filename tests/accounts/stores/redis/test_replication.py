"""`?wait_replicas=1`: a change is confirmed when a replica has it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from accounts.domain.errors import ChangeUnconfirmed, StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import User
from tests.support.api import MovableClock
from tests.support.redis import OpenStore, is_available
from tests.support.stores import EMAIL, SID, USER, make_user, new_session, set_stamp
from tests.support.valkey import ClusterNode, Server, ask, valkey_binary, wait_until


class Pair(NamedTuple):
    """A primary and its replica."""

    url: str
    primary: Server
    replica: Server


def start_pair(folder: Path) -> Pair:
    servers = []
    for name in ("primary", "replica"):
        (folder / name).mkdir()
        options = ("--repl-diskless-sync-delay", "0")
        servers.append(Server(valkey_binary(), folder / name, *options))
    primary, replica = servers
    ask(replica.port, "REPLICAOF", "127.0.0.1", str(primary.port))
    wait_until(lambda: b"master_link_status:up" in ask(replica.port, "INFO", "replication"))
    return Pair(f"{primary.url}/0", primary, replica)


def start_cluster(folder: Path) -> Pair:
    primary, replica = ClusterNode(folder / "primary"), ClusterNode(folder / "replica")
    primary.assign(0, 16383)
    replica.join(primary)
    replica.replicate(primary)
    wait_until(lambda: primary.is_ready() and replica.is_ready())
    return Pair(f"valkey+cluster://127.0.0.1:{primary.port}", primary, replica)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pair]]:
    pairs = {
        "server": start_pair(tmp_path_factory.mktemp("server")),
        "cluster": start_cluster(tmp_path_factory.mktemp("cluster")),
    }
    yield pairs
    for _, *servers in pairs.values():
        for server in servers:
            server.kill()


@pytest.fixture(params=["server", "cluster"])
def pair(pairs: dict[str, Pair], request: pytest.FixtureRequest) -> Iterator[Pair]:
    pair = pairs[request.param]
    wait_until(lambda: b"+OK" in ask(pair.primary.port, "FLUSHALL"))
    yield pair
    pair.replica.resume()


@pytest.fixture
def store(pair: Pair, open_url: OpenStore, monkeypatch: pytest.MonkeyPatch) -> AccountStore:
    """A store that waits for a replica as long as a busy machine may need."""
    monkeypatch.setattr("accounts.stores.redis.client.TIMEOUT_SECONDS", 30)
    monkeypatch.setattr("accounts.stores.redis.replication.WAIT_MS", 20_000)
    return open_url(f"{pair.url}?wait_replicas=1")


@contextmanager
def paused_replica(pair: Pair) -> Iterator[None]:
    """Pause the replica, and wait only a moment for it meanwhile."""
    pair.replica.pause()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("accounts.stores.redis.replication.WAIT_MS", 100)
        yield
    pair.replica.resume()


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
    updated = replace(USER, security_stamp="version-2")
    with paused_replica(pair), pytest.raises(ChangeUnconfirmed, match="may be lost"):
        store.update_user(EMAIL, lambda user: updated)
    assert store.get_user(EMAIL) == updated
    [line] = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert "NotReplicated: a change was made, and 0 of 1 replicas have confirmed it" in line


def test_repeated_change_is_confirmed_only_with_a_replica(
    pair: Pair, store: AccountStore, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.add_user(USER)
    with paused_replica(pair):
        for _ in range(2):  # The second time, the value is already there.
            with pytest.raises(StoreUnavailable):
                store.update_session(EMAIL, SID, lambda current: new_session(clock))
    store.update_session(EMAIL, SID, lambda current: new_session(clock))
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == 1


def test_marker_that_no_replica_has_is_not_relied_on(pair: Pair, store: AccountStore) -> None:
    with paused_replica(pair):
        assert not store.was_emptied()
    ask(pair.primary.port, "FLUSHALL")
    assert not store.was_emptied()


def test_batch_without_a_replica_is_unavailable(pair: Pair, store: AccountStore) -> None:
    with paused_replica(pair), pytest.raises(StoreUnavailable):
        store.add_users([make_user(1)])


def test_reads_need_no_replica(pair: Pair, store: AccountStore) -> None:
    store.add_user(USER)
    with paused_replica(pair):
        assert store.get_user(EMAIL) == USER
        store.ping()


@pytest.mark.parametrize("pair", ["cluster"], indirect=True)
def test_change_while_its_slot_moves_is_unavailable(pair: Pair, store: AccountStore) -> None:
    updated = replace(USER, security_stamp="version-2")

    assert isinstance(pair.primary, ClusterNode)
    assert isinstance(pair.replica, ClusterNode)
    replica = pair.replica

    def update(user: User) -> User:
        if user != updated:
            replica.fail_over()
        return updated

    store.add_user(USER)
    with pytest.raises(StoreUnavailable):
        store.update_user(EMAIL, update)
    pair.primary.fail_over()
    wait_until(replica.is_ready)
    wait_until(lambda: is_available(store))
    assert store.update_user(EMAIL, update) == updated
