"""A server that is away, stalls, or is somebody else's."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from tests.support.api import MovableClock
from tests.support.redis import (
    EMAIL,
    PATIENCE,
    SID,
    USER,
    WEEK,
    assert_unavailable,
    session,
    url_of,
)
from tests.support.valkey import Server, ask


def test_a_store_that_is_away_at_start_stops_no_start_and_is_found_later(
    opened: Callable[[str], AccountStore], server: Server
) -> None:
    server.kill()
    store = opened(url_of(server))
    assert_unavailable(store.ping)
    server.start()
    store.ping()


@pytest.mark.parametrize("end", ["kill", "pause"])
def test_an_outage_is_unavailability_soon_and_recovery_needs_no_restart(
    opened: Callable[[str], AccountStore], server: Server, clock: MovableClock, end: str
) -> None:
    store = opened(url_of(server))
    store.add_user(USER)
    getattr(server, end)()
    other = User(EmailAddress("other@example.com"), "hash", "v", 1.5)
    assert_unavailable(store.ping)
    assert_unavailable(lambda: store.get_user(EMAIL))
    assert_unavailable(lambda: store.get_user_and_session(EMAIL, SID))
    assert_unavailable(lambda: store.add_user(other))
    assert_unavailable(lambda: store.add_users([other]))
    assert_unavailable(lambda: store.update_user(EMAIL, lambda user: USER))
    assert_unavailable(lambda: store.update_session(EMAIL, SID, lambda known: session(clock)))
    if end == "kill":
        server.start()
    else:
        server.resume()
    store.ping()
    store.get_user_and_session(EMAIL, SID)


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
    store.ping()
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
    assert_unavailable(opened("redis://192.0.2.1:6379").ping)


def test_an_update_that_always_loses_the_race_gives_up(
    opened: Callable[[str], AccountStore], valkey_url: str, clock: MovableClock
) -> None:
    store, rival = opened(valkey_url), opened(valkey_url)
    generations = iter(range(1_000_000))

    def change(known: Session | None) -> Session:
        faster = Session(SID, int(clock.now) + WEEK, next(generations))
        rival.update_session(EMAIL, SID, lambda known: faster)
        return session(clock, revoked=True)

    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.update_session(EMAIL, SID, change)
    assert 2 < time.monotonic() - started < 5


def test_a_password_is_used_and_never_logged(
    opened: Callable[[str], AccountStore], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ask(server.port, "CONFIG", "SET", "requirepass", "se/cret")
    caplog.set_level(logging.DEBUG)
    assert_unavailable(opened(url_of(server)).ping)
    address = f"127.0.0.1:{server.port}"
    assert_unavailable(opened(f"redis://:wr%2Fong@{address}").ping)
    opened(f"redis://default:se%2Fcret@{address}/1").ping()
    assert "cannot be reached" in caplog.text
    for secret in ("se/cret", "se%2Fcret", "wr/ong", "wr%2Fong"):
        assert secret not in caplog.text


def test_an_outage_is_logged_once_and_its_end_too(
    opened: Callable[[str], AccountStore], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "accounts.stores.redis")
    store = opened(url_of(server))
    store.ping()
    caplog.clear()
    server.kill()
    assert_unavailable(store.ping)
    assert_unavailable(store.ping)
    server.start()
    store.ping()
    store.ping()
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_a_host_name_that_no_resolver_takes_is_unavailability(
    opened: Callable[[str], AccountStore],
) -> None:
    assert_unavailable(opened("redis://a..b:6379/0").ping)
