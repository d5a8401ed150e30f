"""Batches that are read on the event loop, without a thread."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import UserAndSession
from accounts.domain.users import User
from accounts.stores.redis.store import RedisStore
from tests.support.api import MovableClock
from tests.support.redis import OpenStore, assert_unavailable
from tests.support.server_refusals import demote
from tests.support.stores import EMAIL, SID, USER, make_user, new_session, revoked_session
from tests.support.valkey import MovableAddress, Server, ask

Read = Sequence[UserAndSession | Exception]


@pytest.fixture
def long_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the store wait for longer than a busy machine needs, and a read that blocks hang."""
    monkeypatch.setattr("accounts.stores.redis.client.TIMEOUT_SECONDS", 60)


@pytest.fixture(autouse=True)
def few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is not given back is soon missed."""
    monkeypatch.setattr("accounts.stores.redis.client.MAX_CONNECTIONS", 4)


@pytest.fixture
def store(open_url: OpenStore, server: Server) -> RedisStore:
    """A store that has a connection for the event loop."""
    return open_warm(open_url, server.url)


def open_warm(open_url: OpenStore, url: str) -> RedisStore:
    store = open_url(url)
    assert isinstance(store, RedisStore)
    store.add_user(USER)
    assert run(read(store)) == [(USER, None)]  # a thread connects
    return store


async def read(store: RedisStore, *users: User) -> Read:
    return await store.aget_users_and_sessions([(user.email, SID) for user in users or (USER,)])


def run(call: Awaitable[Read], *, threads: bool = True) -> Read:
    """Run an event loop for the call. Without threads, handing anything to one raises."""

    async def calling() -> Read:
        if not threads:
            executor = ThreadPoolExecutor()
            executor.shutdown()
            asyncio.get_running_loop().set_default_executor(executor)
        return await call

    return asyncio.run(calling())


def kill_connections(server: Server) -> None:
    ask(server.port, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def test_first_batch_needs_a_thread(open_url: OpenStore, server: Server) -> None:
    store = open_url(server.url)
    assert isinstance(store, RedisStore)
    with pytest.raises(RuntimeError, match="shutdown"):
        run(read(store), threads=False)


def test_later_batches_need_no_thread(store: RedisStore, clock: MovableClock) -> None:
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    for _ in range(3):
        assert run(read(store), threads=False) == [(USER, session)]


def test_ended_session_is_seen_by_the_next_batch(store: RedisStore, clock: MovableClock) -> None:
    ended = store.update_session(EMAIL, SID, lambda current: revoked_session(clock))
    assert run(read(store), threads=False) == [(USER, ended)]


def test_response_in_many_pieces_is_read(store: RedisStore) -> None:
    users = [replace(make_user(number), password_hash="x" * 500_000) for number in range(9)]
    store.add_users(users)
    assert run(read(store, *users), threads=False) == [(user, None) for user in users]


def is_batch_response(data: bytes) -> bool:
    return USER.password_hash.encode() in data and b"MGET" not in data and b"SET" not in data


class HalfAddress(MovableAddress):
    """Forwards half of the response to a batch, and the rest when it may."""

    def __init__(self, target: int) -> None:
        self.forwarded, self.may_go_on = Event(), Event()
        super().__init__(target)

    def _send(self, destination: socket.socket, data: bytes) -> None:
        if is_batch_response(data):
            destination.sendall(data[:20])
            self.forwarded.set()
            assert self.may_go_on.wait(10)
            data = data[20:]
        super()._send(destination, data)


@pytest.mark.usefixtures("long_timeout")
def test_incomplete_response_does_not_block(open_url: OpenStore, server: Server) -> None:
    with closing(HalfAddress(server.port)) as address:
        address.may_go_on.set()
        store = open_warm(open_url, f"redis://127.0.0.1:{address.port}")
        address.forwarded.clear()
        address.may_go_on.clear()

        async def reading() -> Read:
            batch = asyncio.ensure_future(read(store))
            assert await asyncio.to_thread(address.forwarded.wait, 30)
            for _ in range(10):
                await asyncio.sleep(0)  # and the event loop reads what has come
            address.may_go_on.set()
            return await batch

        assert run(reading()) == [(USER, None)]


class LastAddress(MovableAddress):
    """Closes together with the response to a batch, and accepts no connection afterwards."""

    def _send(self, destination: socket.socket, data: bytes) -> None:
        if is_batch_response(data):
            self.close()
            destination.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # one packet for both
            destination.sendall(data)
            destination.shutdown(socket.SHUT_RDWR)
        else:
            super()._send(destination, data)


def test_batch_is_returned_though_no_connection_can_be_kept(
    open_url: OpenStore, server: Server
) -> None:
    address = LastAddress(server.port)
    store = open_warm(open_url, f"redis://127.0.0.1:{address.port}")
    assert_unavailable(lambda: run(read(store)))


def test_damaged_record_fails_alone(store: RedisStore, server: Server) -> None:
    other = make_user(1)
    ask(server.port, "SET", f"acct:{{{other.email}}}:user", "{")
    damaged, intact = run(read(store, other, USER), threads=False)
    assert isinstance(damaged, StoreUnavailable)
    assert intact == (USER, None)


def test_missing_user_is_left_to_a_thread(store: RedisStore) -> None:
    # The thread checks the marker, because the server may have been emptied.
    with pytest.raises(RuntimeError, match="shutdown"):
        run(read(store, USER, make_user(1)), threads=False)
    assert run(read(store, USER, make_user(1))) == [(USER, None), (None, None)]


def test_closed_connection_is_replaced(store: RedisStore, server: Server) -> None:
    for _ in range(5):
        kill_connections(server)
        assert run(read(store)) == [(USER, None)]
        assert run(read(store), threads=False) == [(USER, None)]


def test_restarted_server_is_read_again(store: RedisStore, server: Server) -> None:
    server.kill()
    assert_unavailable(lambda: run(read(store)))
    server.start()
    store.add_user(USER)
    assert run(read(store)) == [(USER, None)]
    assert run(read(store), threads=False) == [(USER, None)]


def test_connection_that_breaks_during_a_read_fails_the_batch(
    store: RedisStore, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def reading() -> Read:
        server.pause()
        batch = asyncio.ensure_future(read(store))
        await asyncio.sleep(0)  # until it is sent
        server.kill()
        return await batch

    with pytest.raises(StoreUnavailable):
        run(reading(), threads=False)
    assert "reads from the store fail: ConnectionError" in caplog.text


@pytest.mark.usefixtures("short_timeout", "no_hold")
def test_late_response_is_never_taken_for_another(
    open_url: OpenStore, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = open_warm(open_url, server.url)
    other = make_user(1)
    store.add_user(other)
    server.pause()
    with pytest.raises(StoreUnavailable):
        run(read(store), threads=False)
    assert "reads from the store fail: TimeoutError: Timeout reading from socket" in caplog.text
    server.resume()
    assert run(read(store, other)) == [(other, None)]
    assert run(read(store, other), threads=False) == [(other, None)]
    assert "recovered from: reads from the store fail" in caplog.text


@pytest.mark.usefixtures("long_timeout")
def test_paused_server_stops_no_other_task(open_url: OpenStore, server: Server) -> None:
    store = open_warm(open_url, server.url)

    async def reading() -> Read:
        server.pause()
        batch = asyncio.ensure_future(read(store))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not batch.done()
        server.resume()
        return await batch

    assert run(reading(), threads=False) == [(USER, None)]


def test_refused_read_fails_and_is_reported(
    store: RedisStore, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ask(server.port, "ACL", "SETUSER", "default", "-mget")
    for _ in range(2):  # on the event loop, and on a thread
        with pytest.raises(StoreUnavailable):
            run(read(store))
    assert "reads from the store fail: NoPermissionError" in caplog.text
    ask(server.port, "ACL", "SETUSER", "default", "+mget")
    assert run(read(store)) == [(USER, None)]


@pytest.mark.usefixtures("valkey_url")  # which empties the successor
def test_demoted_server_is_left_for_its_successor(
    open_url: OpenStore, server: Server, valkey_server: Server
) -> None:
    with closing(MovableAddress(server.port)) as address:
        store = open_warm(open_url, f"redis://127.0.0.1:{address.port}")
        store.ping()  # over another connection, which the change will have
        demote(server)
        address.target = valkey_server.port
        assert_unavailable(lambda: store.add_user(make_user(1)))
        store.add_user(replace(USER, security_stamp="of the successor"))
        assert run(read(store)) == [(replace(USER, security_stamp="of the successor"), None)]


def test_cancelled_batch_leaves_nothing_behind(store: RedisStore) -> None:
    other = make_user(1)
    store.add_user(other)

    async def reading() -> Read:
        batch = asyncio.ensure_future(read(store, other))
        await asyncio.sleep(0)  # until it is sent
        batch.cancel()
        return await read(store)

    for _ in range(5):
        assert run(reading()) == [(USER, None)]


def test_batches_at_once_have_a_connection_each(store: RedisStore) -> None:
    users = [make_user(number) for number in range(3)]
    store.add_users(users)

    async def reading() -> list[Any]:
        return [one for [one] in await asyncio.gather(*(read(store, user) for user in users))]

    for _ in range(3):
        assert run(reading()) == [(user, None) for user in users]
