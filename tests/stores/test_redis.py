"""What is particular to the remote store: trips, keys, expiry, faults and topologies."""

import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from accounts.core.errors import DuplicateEmail, StoreUnavailable
from accounts.core.ports import AccountStore
from accounts.core.sessions import Session
from accounts.core.users import EmailAddress, User
from accounts.stores import open_store
from tests.stores.servers import Server, ask, eventually, free_port, valkey_binary
from tests.support import MovableClock

EMAIL = EmailAddress("user@example.com")
USER = User(EMAIL, "hash", "version-1", 1.5)
SID = "5e55104e"
WEEK = 604_800
PATIENCE = 3.0
"""Seconds in which any call must have answered or failed."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be ill-treated."""
    server = Server(valkey_binary(), tmp_path)
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def opened(clock: MovableClock) -> Iterator[Callable[[str], AccountStore]]:
    stores: list[AccountStore] = []

    def open_one(url: str) -> AccountStore:
        stores.append(open_store(url, clock))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


def url_of(server: Server) -> str:
    return f"valkey://127.0.0.1:{server.port}"


def commands(port: int) -> int:
    """Return how many commands the server has answered before this one."""
    found = re.search(rb"total_commands_processed:(\d+)", ask(port, "INFO", "stats"))
    assert found
    return int(found[1])


def session(clock: MovableClock, *, ended: bool = False) -> Session:
    return Session(SID, int(clock.now) + WEEK, ended=ended)


def assert_unavailable(function: Callable[[], object]) -> None:
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        function()
    assert time.monotonic() - started < PATIENCE


def test_find_is_one_round_trip(
    opened: Callable[[str], AccountStore], valkey_url: str, valkey_server: Server
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    before = commands(valkey_server.port)
    store.find(EMAIL, SID)
    assert commands(valkey_server.port) - before == 2  # find's, and that INFO itself


def test_a_value_that_is_returned_unchanged_is_not_written(
    opened: Callable[[str], AccountStore],
    valkey_url: str,
    valkey_server: Server,
    clock: MovableClock,
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda known: session(clock))
    ask(valkey_server.port, "CONFIG", "RESETSTAT")
    store.update_user(EMAIL, lambda user: user)
    store.update_session(EMAIL, SID, lambda known: known or session(clock))
    stats = ask(valkey_server.port, "INFO", "commandstats")
    assert b"cmdstat_get:" in stats
    assert b"cmdstat_set:" not in stats
    assert b"cmdstat_eval:" not in stats


def test_the_server_drops_a_session_a_minute_after_it_expired(
    opened: Callable[[str], AccountStore],
    valkey_url: str,
    valkey_server: Server,
    clock: MovableClock,
) -> None:
    opened(valkey_url).update_session(EMAIL, SID, lambda known: session(clock))
    answer = ask(valkey_server.port, "PTTL", f"acct:{{{EMAIL}}}:session:{SID}")
    assert 0 <= (WEEK + 60) * 1000 - int(answer[1:]) < 5000


def test_users_never_expire(
    opened: Callable[[str], AccountStore], valkey_url: str, valkey_server: Server
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    store.update_user(EMAIL, lambda user: User(EMAIL, "hash-2", "version-2", 1.5))
    assert ask(valkey_server.port, "PTTL", f"acct:{{{EMAIL}}}:user") == b":-1\r\n"


def test_a_store_that_is_away_at_start_stops_no_start_and_is_found_later(
    opened: Callable[[str], AccountStore], server: Server
) -> None:
    server.kill()
    store = opened(url_of(server))
    assert_unavailable(store.check)
    server.start()
    store.check()


@pytest.mark.parametrize("end", ["kill", "pause"])
def test_an_outage_is_unavailability_soon_and_recovery_needs_no_restart(
    opened: Callable[[str], AccountStore], server: Server, clock: MovableClock, end: str
) -> None:
    store = opened(url_of(server))
    store.add_user(USER)
    getattr(server, end)()
    other = User(EmailAddress("other@example.com"), "hash", "v", 1.5)
    assert_unavailable(store.check)
    assert_unavailable(lambda: store.get_user(EMAIL))
    assert_unavailable(lambda: store.find(EMAIL, SID))
    assert_unavailable(lambda: store.add_user(other))
    assert_unavailable(lambda: store.add_users([other]))
    assert_unavailable(lambda: store.update_user(EMAIL, lambda user: USER))
    assert_unavailable(lambda: store.update_session(EMAIL, SID, lambda known: session(clock)))
    if end == "kill":
        server.start()
    else:
        server.resume()
    store.check()
    store.find(EMAIL, SID)


def test_a_server_that_stalls_in_the_middle_of_a_change_is_unavailability(
    opened: Callable[[str], AccountStore], server: Server, clock: MovableClock
) -> None:
    store = opened(url_of(server))
    calls = []

    def change(known: Session | None) -> Session:
        calls.append(known)
        server.pause()
        return session(clock)

    assert_unavailable(lambda: store.update_session(EMAIL, SID, change))
    server.resume()
    # The commit may have been made, or not: it is not made twice.
    assert calls == [None]
    assert store.update_session(EMAIL, SID, lambda known: session(clock)) == session(clock)


def test_a_stalled_server_costs_32_threads_no_more_than_one(
    opened: Callable[[str], AccountStore], server: Server
) -> None:
    store = opened(url_of(server))
    store.check()
    server.pause()
    started = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        answers = [pool.submit(store.get_user, EMAIL) for _ in range(32)]
    assert all(isinstance(answer.exception(), StoreUnavailable) for answer in answers)
    assert time.monotonic() - started < PATIENCE


def test_a_host_that_swallows_packets_is_unavailability(
    opened: Callable[[str], AccountStore],
) -> None:
    # TEST-NET-1 (RFC 5737): nobody answers, or the network refuses at once.
    assert_unavailable(opened("redis://192.0.2.1:6379").check)


def test_an_update_that_always_loses_the_race_gives_up(
    opened: Callable[[str], AccountStore], valkey_url: str, clock: MovableClock
) -> None:
    store, rival = opened(valkey_url), opened(valkey_url)
    generations = iter(range(1_000_000))

    def change(known: Session | None) -> Session:
        faster = Session(SID, int(clock.now) + WEEK, next(generations))
        rival.update_session(EMAIL, SID, lambda known: faster)
        return session(clock, ended=True)

    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.update_session(EMAIL, SID, change)
    assert 2 < time.monotonic() - started < 5


def test_a_password_is_used_and_never_logged(
    opened: Callable[[str], AccountStore], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ask(server.port, "CONFIG", "SET", "requirepass", "se/cret")
    caplog.set_level(logging.DEBUG)
    assert_unavailable(opened(url_of(server)).check)
    address = f"127.0.0.1:{server.port}"
    assert_unavailable(opened(f"redis://:wr%2Fong@{address}").check)
    opened(f"redis://default:se%2Fcret@{address}/1").check()
    assert "cannot be reached" in caplog.text
    for secret in ("se/cret", "se%2Fcret", "wr/ong", "wr%2Fong"):
        assert secret not in caplog.text


def test_an_outage_is_logged_once_and_its_end_too(
    opened: Callable[[str], AccountStore], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "accounts.stores.redis")
    store = opened(url_of(server))
    store.check()
    caplog.clear()
    server.kill()
    assert_unavailable(store.check)
    assert_unavailable(store.check)
    server.start()
    store.check()
    store.check()
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (("noeviction", "3600 1"), []),
        (("allkeys-lru", "3600 1"), ["drops users"]),
        (("volatile-ttl", "3600 1"), ["revoked tokens work again"]),
        (("noeviction", ""), ["keeps nothing on disk"]),
    ],
)
def test_a_forgetful_server_is_warned_of_when_it_is_first_reached(
    opened: Callable[[str], AccountStore],
    server: Server,
    caplog: pytest.LogCaptureFixture,
    configured: tuple[str, str],
    expected: list[str],
) -> None:
    policy, save = configured
    ask(server.port, "CONFIG", "SET", "maxmemory-policy", policy)
    ask(server.port, "CONFIG", "SET", "save", save)
    store = opened(url_of(server))
    assert not caplog.records
    store.check()
    store.check()
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == len(expected)
    assert all(text in warning for text, warning in zip(expected, warnings, strict=True))


def test_a_server_that_does_not_tell_its_configuration_is_fine(
    opened: Callable[[str], AccountStore], server: Server
) -> None:
    ask(
        server.port,
        "ACL",
        "SETUSER",
        "app",
        "on",
        ">secret",
        "~acct:*",
        "+@read",
        "+@write",
        "+@scripting",
        "+@connection",
    )
    store = opened(f"valkey://app:secret@127.0.0.1:{server.port}")
    store.add_user(USER)
    assert store.get_user(EMAIL) == USER


def test_a_server_that_is_full_refuses_changes_and_answers_reads(
    opened: Callable[[str], AccountStore], server: Server
) -> None:
    store = opened(url_of(server))
    store.add_user(USER)
    ask(server.port, "CONFIG", "SET", "maxmemory", "1")
    assert_unavailable(lambda: store.update_user(EMAIL, lambda user: User(EMAIL, "h", "v2", 1.5)))
    assert store.get_user(EMAIL) == USER
    ask(server.port, "CONFIG", "SET", "maxmemory", "0")
    store.update_user(EMAIL, lambda user: User(EMAIL, "h", "v2", 1.5))


def test_two_processes_share_users_and_sessions(
    opened: Callable[[str], AccountStore], valkey_url: str, clock: MovableClock
) -> None:
    one, other = opened(valkey_url), opened(valkey_url)
    one.add_user(USER)
    with pytest.raises(DuplicateEmail):
        other.add_user(USER)
    one.update_session(EMAIL, SID, lambda known: session(clock, ended=True))
    assert other.find(EMAIL, SID) == (USER, session(clock, ended=True))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # 3.12's, of fork
def test_a_forked_child_uses_connections_of_its_own(
    opened: Callable[[str], AccountStore], valkey_url: str
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    child = os.fork()
    if not child:
        found = [store.get_user(EMAIL) for _ in range(200)]
        os._exit(0 if found == [USER] * 200 else 1)
    assert [store.get_user(EMAIL) for _ in range(200)] == [USER] * 200
    assert os.waitpid(child, 0)[1] == 0


def test_memory_users_do_not_import_the_client() -> None:
    code = (
        "import sys; from accounts.stores import check_url; check_url('redis://host'); "
        "print('redis' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout == "False\n"


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
        store.update_user(user.email, lambda known: replace(known, version="v2"))
        found = replace(user, version="v2"), session(clock)
        assert store.find(user.email, SID) == found
    store.check()


def test_a_cluster_that_is_away_at_start_is_found_later(
    opened: Callable[[str], AccountStore], tmp_path: Path, cluster: Server
) -> None:
    cluster.kill()
    store = opened(f"redis+cluster://127.0.0.1:{cluster.port},127.0.0.1:{free_port()}")
    assert_unavailable(store.check)
    cluster.start()
    eventually(lambda: b"cluster_state:ok" in ask(cluster.port, "CLUSTER", "INFO"))
    store.check()


@pytest.mark.parametrize("connected", [True, False])
def test_a_stalled_cluster_costs_32_threads_little_more_than_one(
    opened: Callable[[str], AccountStore], cluster: Server, connected: bool
) -> None:
    store = opened(f"redis+cluster://127.0.0.1:{cluster.port}")
    if connected:
        store.check()
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
    assert_unavailable(store.check)
    server.start()
    eventually(lambda: answers(store), seconds=20)


def test_sentinels_that_know_no_such_service_are_unavailability(
    opened: Callable[[str], AccountStore], sentinel: Server
) -> None:
    assert_unavailable(opened(f"redis+sentinel://127.0.0.1:{sentinel.port}/another").check)


def answers(store: AccountStore) -> bool:
    try:
        store.check()
    except StoreUnavailable:
        return False
    return True
