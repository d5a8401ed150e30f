"""Lookups of a store in batches."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from accounts.authentication import PrefetchedIdentity
from accounts.domain.claims import Claims
from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import UserAndSession
from accounts.domain.users import EmailAddress, User
from accounts.stores.memory import MemoryStore
from authproject.server.identity_loader import MAX_BATCH, IdentityBatchLoader
from tests.support.api import MovableClock
from tests.support.processes import START_SECONDS, run_service
from tests.support.valkey import Server, valkey_binary, wait_until

FOR_EVER = 1000


class SlowStore(MemoryStore):
    """Answers when it is let; knows how many questions each trip had."""

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self.batches: list[int] = []
        self.open = Event()

    def get_users_and_sessions(
        self, keys: Sequence[tuple[EmailAddress, str]]
    ) -> list[UserAndSession]:
        self.batches.append(len(keys))
        assert self.open.wait(START_SECONDS)
        return super().get_users_and_sessions(keys)


@pytest.fixture
def store(clock: MovableClock) -> SlowStore:
    store = SlowStore(clock)
    store.add_user(User(EmailAddress("user7@example.com"), "hash", "version", clock()))
    return store


def claims(number: int) -> Claims:
    return Claims(
        email=EmailAddress(f"user{number}@example.com"),
        security_stamp="version",
        sid="sid",
        jti="jti",
        issued_at=0,
        expires_at=1,
    )


def ask(store: MemoryStore, count: int, then: Callable[[], None]) -> list[PrefetchedIdentity]:
    """Ask for so many at once; call `then` while all of them wait."""

    async def asking() -> list[PrefetchedIdentity]:
        ahead = IdentityBatchLoader(store, slow_after=FOR_EVER)
        questions = asyncio.gather(*(ahead.load(claims(number)) for number in range(count)))
        await asyncio.sleep(0)  # until each has queued its key
        then()
        return await questions

    return asyncio.run(asking())


def test_lookups_at_the_same_time_share_a_batch(store: SlowStore) -> None:
    ask(store, 50, store.open.set)
    assert store.batches == [50]


def test_lookups_during_a_batch_share_the_next(store: SlowStore) -> None:
    async def asking() -> None:
        ahead = IdentityBatchLoader(store, slow_after=FOR_EVER)
        first = asyncio.ensure_future(ahead.load(claims(0)))
        await asyncio.to_thread(wait_until, lambda: store.batches == [1])
        others = asyncio.gather(*(ahead.load(claims(number)) for number in range(50)))
        await asyncio.sleep(0)
        store.open.set()
        await asyncio.gather(first, others)

    asyncio.run(asking())
    assert store.batches == [1, 50]


def test_each_lookup_gets_its_own_result(store: SlowStore) -> None:
    found = ask(store, 20, store.open.set)
    users = [one.get_user_and_session() for one in found]
    assert [number for number, answer in enumerate(users) if answer and answer[0]] == [7]


def test_batch_size_is_limited(store: SlowStore) -> None:
    ask(store, MAX_BATCH + 9, store.open.set)
    assert store.batches == [MAX_BATCH, 9]


def test_slow_batch_does_not_delay_later_ones(store: SlowStore) -> None:
    async def asking() -> None:
        ahead = IdentityBatchLoader(store, slow_after=0)
        first = asyncio.ensure_future(ahead.load(claims(1)))
        await asyncio.to_thread(wait_until, lambda: store.batches == [1])
        second = asyncio.ensure_future(ahead.load(claims(2)))
        await asyncio.to_thread(wait_until, lambda: store.batches == [1, 1])
        store.open.set()
        await asyncio.gather(first, second)

    asyncio.run(asking())


class FailingStore(SlowStore):
    error: Exception = StoreUnavailable()

    def get_users_and_sessions(
        self, keys: Sequence[tuple[EmailAddress, str]]
    ) -> list[UserAndSession]:
        raise self.error


@pytest.mark.parametrize("error", [StoreUnavailable(), RuntimeError("a bug")], ids=repr)
def test_store_error_reaches_every_lookup(clock: MovableClock, error: Exception) -> None:
    store = FailingStore(clock)
    store.error = error
    for one in ask(store, 5, lambda: None):
        with pytest.raises(type(error)):
            one.get_user_and_session()


def test_shared_error_keeps_its_traceback_short() -> None:
    found = PrefetchedIdentity(claims(1), StoreUnavailable())
    depths = set()
    for _ in range(10):
        with pytest.raises(StoreUnavailable) as raised:
            found.get_user_and_session()
        depths.add(len(raised.traceback))
    assert len(depths) == 1


class ForgetfulStore(MemoryStore):
    def get_users_and_sessions(
        self, keys: Sequence[tuple[EmailAddress, str]]
    ) -> list[UserAndSession]:
        return []


def test_store_returning_too_few_results_raises(clock: MovableClock) -> None:
    [found] = ask(ForgetfulStore(clock), 1, lambda: None)
    with pytest.raises(ValueError, match="shorter"):
        found.get_user_and_session()


def test_cancelled_lookup_does_not_affect_others(store: SlowStore) -> None:
    async def asking() -> Any:
        ahead = IdentityBatchLoader(store, slow_after=FOR_EVER)
        gone = asyncio.ensure_future(ahead.load(claims(1)))
        stays = asyncio.ensure_future(ahead.load(claims(7)))
        await asyncio.sleep(0)
        gone.cancel()
        store.open.set()
        return (await stays).get_user_and_session()

    user, _ = asyncio.run(asking())
    assert user.email == "user7@example.com"


def test_paused_store_blocks_no_other_request(tmp_path: Path) -> None:
    valkey = Server(valkey_binary(), tmp_path)
    try:
        with run_service(tmp_path, STORE_URL=f"valkey://127.0.0.1:{valkey.port}") as service:
            service.register()
            token = service.login().json()["access_token"]
            valkey.pause()
            connection = service.connect()
            path, headers = "/api/v1/protected/profile", {"Authorization": f"Bearer {token}"}
            connection.request("GET", path, headers=headers)
            assert service.request("GET", "/health").status == 200
            assert service.profile("no token").status == 401
            assert connection.getresponse().status == 503
            connection.close()
            valkey.resume()
            wait_until(lambda: service.profile(token).status == 200)
    finally:
        valkey.resume()
        valkey.kill()
