"""A server that is away, stalls, or requires a password."""

import logging
from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.sessions import Session
from tests.support.api import MovableClock
from tests.support.redis import OpenStore, assert_unavailable
from tests.support.stores import (
    EMAIL,
    SID,
    USER,
    WEEK,
    make_user,
    new_session,
    revoked_session,
    tracked_session,
)
from tests.support.valkey import Server, ask


def test_server_away_at_start_is_found_later(open_url: OpenStore, server: Server) -> None:
    server.kill()
    store = open_url(server.url)
    assert_unavailable(store.ping)
    server.start()
    store.ping()


@pytest.mark.usefixtures("short_timeout")
@pytest.mark.parametrize("outage", ["killed", "paused"])
def test_outage_makes_every_call_unavailable(
    open_url: OpenStore, server: Server, clock: MovableClock, outage: str
) -> None:
    store = open_url(server.url)
    store.add_user(USER)
    server.kill() if outage == "killed" else server.pause()
    assert_unavailable(
        store.ping,
        store.check_writable,
        lambda: store.get_user(EMAIL),
        lambda: store.get_user_and_session(EMAIL, SID),
        lambda: store.add_user(make_user(1)),
        lambda: store.add_users([make_user(1)]),
        lambda: store.update_user(EMAIL, lambda user: USER),
        lambda: store.update_session(EMAIL, SID, lambda current: new_session(clock)),
        lambda: store.get_sessions(EMAIL),
        lambda: store.update_sessions(EMAIL, list),
    )
    server.start() if outage == "killed" else server.resume()
    store.ping()
    store.get_user_and_session(EMAIL, SID)


@pytest.mark.usefixtures("short_timeout")
def test_stall_during_update_runs_update_once(
    open_url: OpenStore, server: Server, clock: MovableClock
) -> None:
    received = []

    def update_fn(current: Session | None) -> Session:
        received.append(current)
        server.pause()
        return new_session(clock)

    store = open_url(server.url)
    assert_unavailable(lambda: store.update_session(EMAIL, SID, update_fn))
    server.resume()
    # The server may have stored the value or not. The update was not made a second time.
    assert received == [None]
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    assert session == new_session(clock)


@pytest.mark.usefixtures("short_timeout")
def test_stalled_server_fails_64_threads_soon(open_url: OpenStore, server: Server) -> None:
    store = open_url(server.url)
    store.ping()
    server.pause()
    assert_unavailable(*[lambda: store.get_user(EMAIL)] * 64)


def test_host_that_drops_packets_is_unavailable(open_url: OpenStore) -> None:
    # No host has an address in TEST-NET-1 (RFC 5737). The network may also refuse it at once.
    assert_unavailable(open_url("redis://192.0.2.1:6379").ping)


def test_host_name_invalid_in_dns_is_unavailable(open_url: OpenStore) -> None:
    assert_unavailable(open_url("redis://a..b:6379/0").ping)


def let_time_pass_in_pauses(clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time of an update be that of its pauses: a busy machine takes any other."""
    time = SimpleNamespace(monotonic=clock, sleep=clock.advance)
    monkeypatch.setattr("accounts.stores.redis.store.time", time)
    monkeypatch.setattr("accounts.stores.redis.store.CAS_TIMEOUT_SECONDS", 0.5)


def test_update_with_endless_conflicts_fails(
    open_url: OpenStore, valkey_url: str, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, rival = open_url(valkey_url), open_url(valkey_url)
    counts = iter(range(1000))  # It would raise StopIteration if there were no end.

    def update_fn(current: Session | None) -> Session:
        conflicting = Session(SID, int(clock.now) + WEEK, next(counts))
        rival.update_session(EMAIL, SID, lambda current: conflicting)
        return revoked_session(clock)

    let_time_pass_in_pauses(clock, monkeypatch)
    with pytest.raises(StoreUnavailable):
        store.update_session(EMAIL, SID, update_fn)
    assert next(counts) > 2


def test_update_of_sessions_with_endless_conflicts_fails(
    open_url: OpenStore, valkey_url: str, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, rival = open_url(valkey_url), open_url(valkey_url)
    sessions = (tracked_session(clock, number) for number in count())

    def update_fn(listed: Sequence[Session]) -> list[Session]:
        rival.update_sessions(EMAIL, lambda _: [next(sessions)])
        return [revoked_session(clock)]

    let_time_pass_in_pauses(clock, monkeypatch)
    with pytest.raises(StoreUnavailable):
        store.update_sessions(EMAIL, update_fn)


def test_password_is_used_and_never_logged(
    open_url: OpenStore, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ask(server.port, "CONFIG", "SET", "requirepass", "se/cret")
    caplog.set_level(logging.DEBUG)
    address = f"127.0.0.1:{server.port}"
    assert_unavailable(open_url(server.url).ping, open_url(f"redis://:wr%2Fong@{address}").ping)
    open_url(f"redis://default:se%2Fcret@{address}/1").ping()
    assert "reads from the store fail" in caplog.text
    for secret in ("se/cret", "se%2Fcret", "wr/ong", "wr%2Fong"):
        assert secret not in caplog.text


@pytest.mark.usefixtures("no_hold")
def test_outage_and_recovery_are_logged_once(
    open_url: OpenStore, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "accounts.stores.redis")
    store = open_url(server.url)
    store.ping()
    caplog.clear()
    server.kill()
    assert_unavailable(store.ping)
    assert_unavailable(store.ping)
    server.start()
    store.ping()
    store.ping()
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert caplog.records[0].message.endswith(" Connection refused.")  # and no advice
