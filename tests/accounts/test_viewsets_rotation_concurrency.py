"""Many concurrent requests for one session, over HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import random
from threading import Barrier, Event, Lock
from typing import Any, TypeVar

import pytest

from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.services import Services, get_services
from accounts.stores.memory import MemoryStore
from tests.support.api import Api, MovableClock
from tests.support.http import NEW_PASSWORD, Start, get_error
from tests.support.sessions import REUSED, REVOKED, change_password, rotate

T = TypeVar("T")
S = TypeVar("S")
Call = Callable[[Api], Any]

CROWD = 50

HASHING_CROWD = 8
"""Few enough for the hashing queue of a machine with one core."""


class UnsteadyClock(MovableClock):
    """Like the clocks of many machines: its readings are in no particular order."""

    def __call__(self) -> float:
        return self.now + random() / 1000


class GatheringStore(MemoryStore):
    """Delays every write until all expected threads want to write.

    By then all of them have read the old state, which is the worst schedule.
    """

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self._counting = Lock()
        self.expect(0)

    def expect(self, crowd: int) -> None:
        self._missing = crowd
        self._all_arrived = Event()
        if crowd == 0:
            self._all_arrived.set()

    def update_session(
        self, email: EmailAddress, sid: str, update_fn: Callable[[Session | None], Session]
    ) -> Session:
        self._arrive()
        return super().update_session(email, sid, self._wait_for_all(update_fn))

    def update_user(self, email: EmailAddress, update_fn: Callable[[User], User]) -> User:
        self._arrive()
        return super().update_user(email, self._wait_for_all(update_fn))

    def _arrive(self) -> None:
        with self._counting:
            self._missing -= 1
            if self._missing == 0:
                self._all_arrived.set()

    def _wait_for_all(self, update_fn: Callable[[T], S]) -> Callable[[T], S]:
        def wait_and_update(value: T) -> S:
            assert self._all_arrived.wait(timeout=30), "a thread never came to write"
            return update_fn(value)

        return wait_and_update


@pytest.fixture
def clock() -> MovableClock:
    return UnsteadyClock()


@pytest.fixture
def start(start: Start, clock: MovableClock) -> Start:
    def start_with_gathering_store(**changed: object) -> Services:
        services = start(**changed)
        services.accounts.store = GatheringStore(clock)
        return services

    return start_with_gathering_store


def call_at_once(calls: list[Call]) -> list[Any]:
    """Make each call in its own thread, all at the same time; return their responses."""
    store = get_services().accounts.store
    assert isinstance(store, GatheringStore)
    store.expect(len(calls))
    barrier = Barrier(len(calls))

    def run(call: Call) -> Any:
        api = Api()
        barrier.wait()
        return call(api)

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def refresh_with(pair: dict[str, Any]) -> Call:
    return lambda api: api.refresh(pair["refresh_token"])


def logout_with(pair: dict[str, Any]) -> Call:
    return lambda api: api.logout(pair["refresh_token"])


def change_password_with(pair: dict[str, Any], new: str = NEW_PASSWORD) -> Call:
    return lambda api: change_password(api, pair["access_token"], new=new)


def is_revoked(pair: dict[str, Any]) -> bool:
    return get_error(Api().profile(pair["access_token"])) == REVOKED


@pytest.fixture(params=[0, 10], ids=["no grace", "grace of 10 s"])
def rotating(request: pytest.FixtureRequest, start: Start) -> Services:
    return start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=request.param)


@pytest.fixture
def without_grace(start: Start) -> Services:
    return start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)


@pytest.fixture
def with_grace(start: Start) -> Services:
    return start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=10)


@pytest.mark.parametrize("earlier_rotations", [0, 3])
def test_concurrent_refreshes_within_grace_get_one_token(
    with_grace: Services, earlier_rotations: int
) -> None:
    pair = rotate(Api(), Api().register_and_log_in(), earlier_rotations)[-1]
    responses = call_at_once([refresh_with(pair)] * CROWD)
    assert {response.status_code for response in responses} == {200}
    [rotated] = {response.json()["refresh_token"] for response in responses}
    assert Api().refresh(rotated).status_code == 200
    assert {Api().profile(r.json()["access_token"]).status_code for r in responses} == {200}


@pytest.mark.parametrize("earlier_rotations", [0, 3])
def test_concurrent_refreshes_without_grace_revoke_session(
    without_grace: Services, earlier_rotations: int
) -> None:
    pair = rotate(Api(), Api().register_and_log_in(), earlier_rotations)[-1]
    responses = call_at_once([refresh_with(pair)] * CROWD)
    [winner] = [response.json() for response in responses if response.status_code == 200]
    losers = [get_error(response) for response in responses if response.status_code != 200]
    assert set(losers) == {REUSED}
    assert is_revoked(winner)
    assert is_revoked(pair)
    assert get_error(Api().refresh(winner["refresh_token"])) == REVOKED


def test_logout_beside_refreshes_revokes_session(rotating: Services) -> None:
    pair = Api().register_and_log_in()
    *responses, logout = call_at_once([refresh_with(pair)] * (CROWD - 1) + [logout_with(pair)])
    assert logout.status_code == 204
    granted = [response.json() for response in responses if response.status_code == 200]
    refused = [get_error(response) for response in responses if response.status_code != 200]
    assert set(refused) <= {REUSED, REVOKED}
    assert all(is_revoked(each) for each in [pair, *granted])


def test_logout_beside_stolen_tokens_revokes_session(without_grace: Services) -> None:
    pairs = rotate(Api(), Api().register_and_log_in(), 2)
    *_, logout = call_at_once(
        [refresh_with(pair) for pair in pairs] * 10 + [logout_with(pairs[-1])]
    )
    assert logout.status_code == 204
    assert all(is_revoked(pair) for pair in pairs)


def test_concurrent_refreshes_of_many_sessions_all_succeed(without_grace: Services) -> None:
    pairs = [Api().register_and_log_in(), *(Api().login().json() for _ in range(CROWD - 1))]
    responses = call_at_once([refresh_with(pair) for pair in pairs])
    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["refresh_token"] for response in responses}) == CROWD


def test_password_change_beside_refreshes_leaves_its_own_pair(
    rotating: Services,
) -> None:
    pair = Api().register_and_log_in()
    *responses, change = call_at_once(
        [refresh_with(pair)] * (CROWD - 1) + [change_password_with(pair)]
    )
    granted = [response.json() for response in responses if response.status_code == 200]
    assert all(is_revoked(each) for each in [pair, *granted])
    assert Api().profile(change.json()["access_token"]).status_code == 200
    assert Api().refresh(change.json()["refresh_token"]).status_code == 200


def test_concurrent_password_changes_succeed_once(with_grace: Services) -> None:
    pair = Api().register_and_log_in()
    passwords = [f"new password number {number}" for number in range(HASHING_CROWD)]
    responses = call_at_once([change_password_with(pair, new) for new in passwords])
    [winner] = [number for number, r in enumerate(responses) if r.status_code == 200]
    assert {get_error(r) for r in responses if r.status_code != 200} == {REVOKED}
    logins = [Api().login(password=password).status_code for password in passwords]
    assert logins == [200 if number == winner else 401 for number in range(HASHING_CROWD)]
    assert Api().profile(responses[winner].json()["access_token"]).status_code == 200


def test_concurrent_logouts_all_succeed(rotating: Services) -> None:
    pair = Api().register_and_log_in()
    responses = call_at_once([logout_with(pair)] * CROWD)
    assert {response.status_code for response in responses} == {204}
    assert is_revoked(pair)
