"""Many threads at one session, over HTTP. A barrier lets them go at once."""

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
from tests.support.http import NEW_PASSWORD, Start, problem
from tests.support.sessions import REUSED, REVOKED, change_password, rotate

T = TypeVar("T")
S = TypeVar("S")
Call = Callable[[Api], Any]

CROWD = 50

HASHING_CROWD = 8
"""Few enough for the bound on hashes, on a machine of one core."""


class DisagreeingClock(MovableClock):
    """The clocks of many machines: no reading says whether it was before or after another."""

    def __call__(self) -> float:
        return self.now + random() / 1000


class GatheringStore(MemoryStore):
    """A memory store that writes nothing until a whole crowd has come to write.

    By then everybody has read the old state: no schedule of the threads is worse.
    """

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self._counting = Lock()
        self.expect(0)

    def expect(self, crowd: int) -> None:
        self._missing = crowd
        self._all_here = Event()
        if crowd == 0:
            self._all_here.set()

    def update_session(
        self, email: EmailAddress, sid: str, change: Callable[[Session | None], Session]
    ) -> Session:
        self._arrive()
        return super().update_session(email, sid, self._once_all_are_here(change))

    def update_user(self, email: EmailAddress, change: Callable[[User], User]) -> User:
        self._arrive()
        return super().update_user(email, self._once_all_are_here(change))

    def _arrive(self) -> None:
        with self._counting:
            self._missing -= 1
            if self._missing == 0:
                self._all_here.set()

    def _once_all_are_here(self, change: Callable[[T], S]) -> Callable[[T], S]:
        def patient(value: T) -> S:
            assert self._all_here.wait(timeout=30), "somebody never came to write"
            return change(value)

        return patient


@pytest.fixture
def clock() -> MovableClock:
    return DisagreeingClock()


@pytest.fixture
def start(start: Start, clock: MovableClock) -> Start:
    def start_gathering(**changed: object) -> Services:
        services = start(**changed)
        services.accounts.store = GatheringStore(clock)
        return services

    return start_gathering


def at_once(calls: list[Call]) -> list[Any]:
    """Make every call in a thread of its own, all at the same time: their responses."""
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


def refreshing(pair: dict[str, Any]) -> Call:
    return lambda api: api.refresh(pair["refresh_token"])


def logging_out(pair: dict[str, Any]) -> Call:
    return lambda api: api.logout(pair["refresh_token"])


def changing_password(pair: dict[str, Any], new: str = NEW_PASSWORD) -> Call:
    return lambda api: change_password(api, pair["access_token"], new=new)


def is_dead(pair: dict[str, Any]) -> bool:
    return problem(Api().profile(pair["access_token"])) == REVOKED


@pytest.fixture(params=[0, 10], ids=["grace 0", "grace 10"])
def rotating(request: pytest.FixtureRequest, start: Start) -> Services:
    return start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=request.param)


@pytest.fixture
def strict(start: Start) -> Services:
    return start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)


@pytest.fixture
def forgiving(start: Start) -> Services:
    return start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=10)


@pytest.mark.parametrize("earlier_rotations", [0, 3])
def test_within_the_grace_all_get_one_and_the_same_successor(
    forgiving: Services, earlier_rotations: int
) -> None:
    pair = rotate(Api(), Api().enter(), earlier_rotations)[-1]
    responses = at_once([refreshing(pair)] * CROWD)
    assert {response.status_code for response in responses} == {200}
    [successor] = {response.json()["refresh_token"] for response in responses}
    assert Api().refresh(successor).status_code == 200
    assert {Api().profile(r.json()["access_token"]).status_code for r in responses} == {200}


@pytest.mark.parametrize("earlier_rotations", [0, 3])
def test_without_a_grace_one_succeeds_and_the_others_end_the_session(
    strict: Services, earlier_rotations: int
) -> None:
    pair = rotate(Api(), Api().enter(), earlier_rotations)[-1]
    responses = at_once([refreshing(pair)] * CROWD)
    [winner] = [response.json() for response in responses if response.status_code == 200]
    losers = [problem(response) for response in responses if response.status_code != 200]
    assert set(losers) == {REUSED}
    assert is_dead(winner)
    assert is_dead(pair)
    assert problem(Api().refresh(winner["refresh_token"])) == REVOKED


def test_a_logout_that_races_with_refreshes_ends_the_session(rotating: Services) -> None:
    pair = Api().enter()
    *responses, logout = at_once([refreshing(pair)] * (CROWD - 1) + [logging_out(pair)])
    assert logout.status_code == 204
    granted = [response.json() for response in responses if response.status_code == 200]
    refused = [problem(response) for response in responses if response.status_code != 200]
    assert set(refused) <= {REUSED, REVOKED}
    assert all(is_dead(each) for each in [pair, *granted])


def test_a_logout_that_races_with_a_theft_ends_the_session(strict: Services) -> None:
    pairs = rotate(Api(), Api().enter(), 2)
    *_, logout = at_once([refreshing(pair) for pair in pairs] * 10 + [logging_out(pairs[-1])])
    assert logout.status_code == 204
    assert all(is_dead(pair) for pair in pairs)


def test_a_refresh_of_one_session_leaves_a_racing_one_alone(strict: Services) -> None:
    pairs = [Api().enter(), *(Api().login().json() for _ in range(CROWD - 1))]
    responses = at_once([refreshing(pair) for pair in pairs])
    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["refresh_token"] for response in responses}) == CROWD


def test_a_password_change_that_races_with_refreshes_leaves_only_its_own_pair(
    rotating: Services,
) -> None:
    pair = Api().enter()
    *responses, change = at_once([refreshing(pair)] * (CROWD - 1) + [changing_password(pair)])
    granted = [response.json() for response in responses if response.status_code == 200]
    assert all(is_dead(each) for each in [pair, *granted])
    assert Api().profile(change.json()["access_token"]).status_code == 200
    assert Api().refresh(change.json()["refresh_token"]).status_code == 200


def test_of_concurrent_password_changes_one_wins(forgiving: Services) -> None:
    pair = Api().enter()
    passwords = [f"new password number {number}" for number in range(HASHING_CROWD)]
    responses = at_once([changing_password(pair, new) for new in passwords])
    [winner] = [number for number, r in enumerate(responses) if r.status_code == 200]
    assert {problem(r) for r in responses if r.status_code != 200} == {REVOKED}
    logins = [Api().login(password=password).status_code for password in passwords]
    assert logins == [200 if number == winner else 401 for number in range(HASHING_CROWD)]
    assert Api().profile(responses[winner].json()["access_token"]).status_code == 200


def test_of_concurrent_logouts_all_are_204(rotating: Services) -> None:
    pair = Api().enter()
    responses = at_once([logging_out(pair)] * CROWD)
    assert {response.status_code for response in responses} == {204}
    assert is_dead(pair)
