"""Clusters and Sentinels."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress, User
from tests.support.api import MovableClock
from tests.support.ports import free_port
from tests.support.redis import (
    EMAIL,
    PATIENCE,
    SID,
    USER,
    answers,
    assert_unavailable,
    session,
)
from tests.support.valkey import Server, ask, eventually, valkey_binary


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Server]:
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    server = Server(valkey_binary(), tmp_path, *options)
    ask(server.port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    eventually(lambda: b"cluster_state:ok" in ask(server.port, "CLUSTER", "INFO"))
    yield server
    server.kill()


def test_a_cluster_keeps_an_account_in_one_slot(
    opened: Callable[[str], AccountStore], cluster: Server, clock: MovableClock
) -> None:
    store = opened(f"redis+cluster://127.0.0.1:{cluster.port}")
    locals_ = ("user", "}", "{}", "a}b", "{a")
    users = [User(EmailAddress(f"{name}@example.com"), "hash", "v", 1.5) for name in locals_]
    assert store.add_users(users) == len(users)
    for user in users:
        store.update_session(user.email, SID, lambda known: session(clock))
        store.update_user(user.email, lambda known: replace(known, security_stamp="v2"))
        found = replace(user, security_stamp="v2"), session(clock)
        assert store.get_user_and_session(user.email, SID) == found
    store.ping()


def test_in_a_cluster_nobody_shares_a_trip(
    opened: Callable[[str], AccountStore], cluster: Server
) -> None:
    store = opened(f"redis+cluster://127.0.0.1:{cluster.port}")
    users = [User(EmailAddress(f"{number}@example.com"), "hash", "v", 1.5) for number in range(9)]
    store.add_users(users)
    assert not store.supports_batch_reads
    found = store.get_users_and_sessions([(user.email, SID) for user in users])
    assert found == [(user, None) for user in users]


def test_a_cluster_that_is_away_at_start_is_found_later(
    opened: Callable[[str], AccountStore], tmp_path: Path, cluster: Server
) -> None:
    cluster.kill()
    store = opened(f"redis+cluster://127.0.0.1:{cluster.port},127.0.0.1:{free_port()}")
    assert_unavailable(store.ping)
    cluster.start()
    eventually(lambda: b"cluster_state:ok" in ask(cluster.port, "CLUSTER", "INFO"))
    store.ping()


@pytest.mark.parametrize("connected", [True, False])
def test_a_stalled_cluster_costs_32_threads_little_more_than_one(
    opened: Callable[[str], AccountStore], cluster: Server, connected: bool
) -> None:
    store = opened(f"redis+cluster://127.0.0.1:{cluster.port}")
    if connected:
        store.ping()
    cluster.pause()
    started = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        waiting = [pool.submit(store.get_user, EMAIL) for _ in range(32)]
    cluster.resume()
    assert all(isinstance(one.exception(), StoreUnavailable) for one in waiting)
    assert time.monotonic() - started < PATIENCE + 2
    eventually(lambda: answers(store))


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


def test_sentinels_are_asked_where_the_server_is(
    opened: Callable[[str], AccountStore], server: Server, sentinel: Server
) -> None:
    url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}/accounts/0"
    store = opened(url)
    store.add_user(USER)
    assert store.get_user(EMAIL) == USER
    server.kill()
    assert_unavailable(store.ping)
    server.start()
    eventually(lambda: answers(store), seconds=20)


def test_sentinels_that_know_no_such_service_are_unavailability(
    opened: Callable[[str], AccountStore], sentinel: Server
) -> None:
    assert_unavailable(opened(f"redis+sentinel://127.0.0.1:{sentinel.port}/another").ping)
