"""A server that is reached, but refuses changes: a replica, a full memory or disk."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from tests.support.api import MovableClock
from tests.support.redis import OpenStore, assert_unavailable, is_available
from tests.support.server_refusals import (
    break_snapshots,
    demote,
    fill_memory,
    promote,
    require_replicas,
)
from tests.support.stores import EMAIL, SID, USER, make_user, new_session, tracked_session
from tests.support.system_programs import find_program
from tests.support.valkey import MovableAddress, Server, ask, valkey_binary


@pytest.fixture(params=["valkey", "redis"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    binary = valkey_binary() if request.param == "valkey" else find_program("redis-server")
    server = Server(binary, tmp_path)
    yield server
    server.kill()


REFUSALS: dict[str, tuple[Callable[[Server], None], str]] = {
    "ReadOnlyError: ": (demote, "promote it, or correct the address"),
    "OutOfMemoryError: ": (fill_memory, "raise maxmemory"),
    "ResponseError: NOREPLICAS ": (require_replicas, "min-replicas-to-write"),
    "ResponseError: MISCONF ": (break_snapshots, "see its log"),
}
"""What the server says by how it comes to that, and a part of the advice."""


@pytest.mark.parametrize("refuse", [refuse for refuse, _ in REFUSALS.values()])
def test_refusal_makes_store_unavailable_but_readable(
    open_url: OpenStore, server: Server, clock: MovableClock, refuse: Callable[[Server], None]
) -> None:
    store = open_url(server.url)
    store.add_user(USER)
    refuse(server)
    assert_unavailable(
        store.check_writable,
        lambda: store.add_user(make_user(1)),
        lambda: store.add_users([make_user(1)]),
        lambda: store.update_session(EMAIL, SID, lambda current: new_session(clock)),
        lambda: store.update_sessions(EMAIL, lambda listed: [tracked_session(clock, 1)]),
    )
    assert store.get_user(EMAIL) == USER
    assert store.get_sessions(EMAIL) == []


@pytest.mark.parametrize("message", REFUSALS)
def test_refusal_is_logged_once_with_its_cause(
    open_url: OpenStore, server: Server, caplog: pytest.LogCaptureFixture, message: str
) -> None:
    store = open_url(server.url)
    store.add_user(USER)
    refuse, advice = REFUSALS[message]
    refuse(server)
    assert_unavailable(lambda: store.add_users([make_user(1)]))
    for _ in range(3):
        assert not is_available(store)
        store.get_user(EMAIL)  # works, but the refusal goes on
    [error] = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert error.startswith(f"changes to the store fail: {message}")
    assert advice in error
    assert make_user(1).email not in error


def test_refused_change_was_not_made(open_url: OpenStore, server: Server) -> None:
    store = open_url(server.url)
    demote(server)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.add_user(USER)
    assert store.get_user(EMAIL) is None


@pytest.mark.usefixtures("no_hold")
def test_promoted_server_is_used_again(
    open_url: OpenStore, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    demote(server)
    store = open_url(server.url)  # a replica at the start, too
    assert not is_available(store)
    promote(server)
    assert is_available(store)
    assert "recovered from: changes to the store fail" in caplog.text


def test_writability_is_checked_by_a_change_that_expires(
    open_url: OpenStore, server: Server
) -> None:
    store = open_url(server.url)
    store.ping()
    ask(server.port, "FLUSHALL")
    store.check_writable()
    assert ask(server.port, "DBSIZE") == b":1\r\n"
    assert ask(server.port, "PTTL", "acct:{0}:mark") not in {b":-1\r\n", b":-2\r\n"}


CHANGES: dict[str, Callable[[AccountStore], object]] = {
    "check_writable": lambda store: store.check_writable(),
    "add_user": lambda store: store.add_user(make_user(1)),
    "update_session": lambda store: store.update_session(
        EMAIL, SID, lambda current: new_session(MovableClock())
    ),
}


@pytest.mark.usefixtures("valkey_url")  # which empties the successor
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_demoted_server_is_left_for_its_successor(
    open_url: OpenStore,
    server: Server,
    valkey_server: Server,
    change: Callable[[AccountStore], object],
) -> None:
    with closing(MovableAddress(server.port)) as address:
        store = open_url(f"redis://127.0.0.1:{address.port}")
        store.add_user(USER)
        demote(server)
        address.target = valkey_server.port
        assert_unavailable(lambda: change(store))
        change(store)
        store.add_user(USER)  # unknown to the successor


@pytest.mark.usefixtures("valkey_url")  # which empties the successor
@pytest.mark.parametrize("refuse", [refuse for refuse, _ in REFUSALS.values()])
def test_server_that_refuses_is_left_for_its_successor(
    open_url: OpenStore,
    server: Server,
    valkey_server: Server,
    refuse: Callable[[Server], None],
) -> None:
    with closing(MovableAddress(server.port)) as address:
        store = open_url(f"redis://127.0.0.1:{address.port}")
        store.ping()
        refuse(server)
        address.target = valkey_server.port
        assert_unavailable(lambda: store.add_user(USER))
        store.add_user(USER)
