"""A server that comes back without its data."""

import logging
from secrets import token_hex

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.stores.redis import marker
from accounts.stores.redis.connection import ServerConnection
from accounts.stores.url import parse_redis_url
from tests.support.api import MovableClock
from tests.support.ports import free_port
from tests.support.redis import OpenStore, assert_unavailable
from tests.support.stores import EMAIL, USER, run_together
from tests.support.valkey import Server, ask


@pytest.fixture
def store(open_url: OpenStore, valkey_url: str) -> AccountStore:
    store = open_url(valkey_url)
    store.add_user(USER)
    return store


@pytest.fixture
def flush(store: AccountStore, valkey_server: Server) -> None:
    ask(valkey_server.port, "FLUSHALL")


@pytest.fixture(autouse=True)
def no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.stores.redis.marker.INTERVAL_SECONDS", 0)


def get_critical(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.message for one in caplog.records if one.levelno == logging.CRITICAL]


@pytest.mark.usefixtures("flush")
def test_emptied_store_is_logged_once_where_a_user_is_missing(
    store: AccountStore, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert store.get_user(EMAIL) is None
    [line] = get_critical(caplog)
    assert line.startswith("the store was emptied or replaced: its marker acct:{0}:marker")
    assert store.was_emptied()


@pytest.mark.usefixtures("flush")
def test_marker_of_a_later_process_is_another_one(
    store: AccountStore, open_url: OpenStore, valkey_server: Server
) -> None:
    later = open_url(f"valkey://127.0.0.1:{valkey_server.port}")
    assert not later.was_emptied()
    assert store.was_emptied()


def test_deleted_user_is_no_loss(
    store: AccountStore, open_url: OpenStore, valkey_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store.delete_user(EMAIL, lambda user: None)
    assert store.get_user(EMAIL) is None
    assert not store.was_emptied()
    assert get_critical(caplog) == []


def test_restored_marker_is_no_loss(store: AccountStore, valkey_server: Server) -> None:
    marker = ask(valkey_server.port, "GET", "acct:{0}:marker").split(b"\r\n")[1].decode()
    ask(valkey_server.port, "FLUSHALL")
    assert store.was_emptied()
    ask(valkey_server.port, "SET", "acct:{0}:marker", marker)
    assert not store.was_emptied()


def test_marker_is_checked_once_a_second(
    store: AccountStore, valkey_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.stores.redis.marker.INTERVAL_SECONDS", 60)
    store.was_emptied()
    ask(valkey_server.port, "CONFIG", "RESETSTAT")
    for number in range(3):
        assert store.get_user(f"user{number}@example.com") is None  # type: ignore[arg-type]  # it is normalized
    assert b"cmdstat_get:calls=3," in ask(valkey_server.port, "INFO", "commandstats")


@pytest.mark.usefixtures("flush")
def test_many_threads_log_the_loss_once(
    store: AccountStore, caplog: pytest.LogCaptureFixture
) -> None:
    run_together(16, lambda number: store.get_user(EMAIL))
    assert len(get_critical(caplog)) == 1


def test_processes_that_start_together_share_a_marker(
    open_url: OpenStore, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, rival = open_url(valkey_url), open_url(valkey_url)

    def start_rival_first(size: int) -> str:
        monkeypatch.setattr(marker, "token_hex", token_hex)
        rival.ping()
        return token_hex(size)

    monkeypatch.setattr(marker, "token_hex", start_rival_first)
    store.ping()
    assert not store.was_emptied()
    assert not rival.was_emptied()


def test_marker_that_was_never_checked_is_checked_soon(
    valkey_url: str, valkey_server: Server, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marker, "INTERVAL_SECONDS", 1)
    server = ServerConnection(parse_redis_url(valkey_url), clock)
    marker.StoreMarker(server).check_soon()
    server.close()
    assert ask(valkey_server.port, "EXISTS", "acct:{0}:marker") == b":1\r\n"


def test_cluster_that_is_away_has_lost_nothing(
    open_url: OpenStore, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_url(f"redis+cluster://127.0.0.1:{free_port()}")
    assert store.was_emptied() is False
    assert_unavailable(store.check_writable)
    reads, changes = (one.message for one in caplog.records if one.levelno == logging.ERROR)
    assert reads.startswith("reads from the store fail: RedisClusterException: ")
    assert changes.startswith("changes to the store fail: RedisClusterException: ")


def test_server_that_is_away_has_lost_nothing(open_url: OpenStore, server: Server) -> None:
    store = open_url(server.url)
    store.ping()
    server.kill()
    assert not store.was_emptied()
    server.start()
    assert store.was_emptied()
