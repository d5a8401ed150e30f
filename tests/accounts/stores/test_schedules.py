"""Two requests at once are stopped at each lock and at each call of a server, in many orders.

Whatever the order, clients see what they would see if one had come after the other: the model of
`tests.support.session_model` gives the same results for one of the two sequences. One thing may
differ: a request whose access token was accepted goes on, if the session ends in that moment.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import combinations, permutations, product
from random import Random
from typing import Any

import pytest

from accounts.domain.sessions import MAX_LISTED_SESSIONS
from tests.support.api import MovableClock
from tests.support.schedule import Schedule, add_pauses
from tests.support.service_driver import ServiceDriver
from tests.support.session_model import OK, Grant, Model, Policy, Result
from tests.support.store_states import OpenControl
from tests.support.stores import run_together

EMAIL, PASSWORD, NEW_PASSWORD = "ann@example.com", "correct horse", "another battery"
KEYS = ["key number 1 is long enough for HS256"]
POLICIES = [Policy(True, 10, tracks=True), Policy(True, 0)]

NEW_SESSION = {"log in", "change the password"}
BY_ACCESS_TOKEN = {"log out everywhere", "change the password", "delete"}
OF_SESSIONS = ["refresh", "replay", "log in", "log out"]
"""They change no user, so that any number of them is a sequence, too."""

MAX_PAUSES = 12
SWITCHES = [set(at) for size in (1, 2) for at in combinations(range(1, MAX_PAUSES + 1), size)]


@dataclass
class Client:
    """Has a session that was refreshed once. `used` is the token from before."""

    used: Any
    newest: Any


Operation = tuple[Callable[[ServiceDriver, Client], Result], Callable[[Model, Client], str]]

OPERATIONS: dict[str, Operation] = {
    "refresh": (
        lambda service, client: service.refresh(client.newest.refresh),
        lambda model, client: model.refresh(client.newest),
    ),
    "replay": (
        lambda service, client: service.refresh(client.used.refresh),
        lambda model, client: model.refresh(client.used),
    ),
    "log in": (
        lambda service, client: service.log_in(EMAIL, PASSWORD, remember=True),
        lambda model, client: model.log_in(EMAIL, PASSWORD),
    ),
    "log out": (
        lambda service, client: service.log_out(client.newest.refresh),
        lambda model, client: model.log_out(client.newest),
    ),
    "log out everywhere": (
        lambda service, client: service.log_out_everywhere(client.newest.access),
        lambda model, client: model.log_out_everywhere(client.newest),
    ),
    "change the password": (
        lambda service, client: service.change_password(
            client.newest.access, PASSWORD, NEW_PASSWORD
        ),
        lambda model, client: model.change_password(client.newest, PASSWORD, NEW_PASSWORD),
    ),
    "delete": (
        lambda service, client: service.delete_account(client.newest.access, PASSWORD),
        lambda model, client: model.delete_account(client.newest, PASSWORD),
    ),
    "disable": (
        lambda service, client: service.administer("disable", EMAIL, ""),
        lambda model, client: model.administer("disable", EMAIL, ""),
    ),
}


class Race:
    """One service and one account, for one run."""

    def __init__(self, policy: Policy, open_control: OpenControl) -> None:
        self.clock = MovableClock()
        self.policy = policy
        self.control = open_control(self.clock)
        self.service = ServiceDriver(policy, self.clock, self.control)
        self.service.restart(KEYS)
        self.service.register(EMAIL, PASSWORD)
        self._login = self.service.log_in(EMAIL, PASSWORD, remember=True)
        self._refresh = self.service.refresh(self._login.refresh or "")
        self.client = Client(self._login, self._refresh)

    def build_model(self) -> tuple[Model, Client]:
        model = Model(self.policy, self.clock)
        model.keys = KEYS
        model.register(EMAIL, PASSWORD)
        used = model.add_login(EMAIL, self._login, remember=True)
        model.refresh(used)
        return model, Client(used, model.add_refresh(used, self._refresh))

    def act(self, name: str) -> Result:
        return OPERATIONS[name][0](self.service, self.client)

    def act_together(self, names: Sequence[str]) -> list[Result]:
        return run_together(len(names), lambda number: self.act(names[number]))

    def check(self, names: Sequence[str], results: Sequence[Result]) -> None:
        """Check that the results, and what clients see afterwards, are those of some sequence."""
        seen = [result.code for result in results] + list(self._look(names, results))
        orders = list(permutations(range(len(names))))
        assert any(
            seen == self._predict(names, results, order, accepted_before=accepted_before)
            for accepted_before in (False, True)
            for order in orders
        ), f"{names}: {seen} is no sequence"

    def _look(self, names: Sequence[str], results: Sequence[Result]) -> Iterator[str]:
        for pair in [self.client.used, self.client.newest, *find_new(names, results)]:
            yield self.service.get_profile(pair.access).code
        yield self.service.log_in(EMAIL, PASSWORD, remember=True).code
        yield self.service.refresh(self.client.newest.refresh).code

    def _predict(
        self,
        names: Sequence[str],
        results: Sequence[Result],
        order: Sequence[int],
        *,
        accepted_before: bool,
    ) -> list[str]:
        """Return what the model says if the requests come in this order."""
        model, client = self.build_model()
        codes, new, login = {}, dict[int, Grant](), client.newest.login
        for number in order:
            name, revoked = names[number], login.revoked
            if accepted_before and name in BY_ACCESS_TOKEN:
                login.revoked = False
            codes[number] = OPERATIONS[name][1](model, client)
            login.revoked = login.revoked or revoked
            if codes[number] == results[number].code == OK and name in NEW_SESSION:
                new[number] = model.add_login(EMAIL, results[number], remember=True)
        grants = [client.used, client.newest, *(new[number] for number in sorted(new))]
        seen = [codes[number] for number in range(len(names))]
        seen += [model.get_profile(grant) for grant in grants]
        return [*seen, model.log_in(EMAIL, PASSWORD), model.refresh(client.newest)]


def find_new(names: Sequence[str], results: Sequence[Result]) -> list[Result]:
    pairs = zip(names, results, strict=True)
    return [result for name, result in pairs if name in NEW_SESSION and result.code == OK]


@pytest.fixture(autouse=True)
def as_many_sessions_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logins of the same moment have no oldest, so none of them may end."""
    monkeypatch.setattr("tests.support.session_model.MAX_SESSIONS", MAX_LISTED_SESSIONS)


@pytest.mark.parametrize(("store", "runs"), [("memory", 500), ("file", 60), ("valkey", 150)])
def test_two_requests_in_any_order_are_a_sequence(
    request: pytest.FixtureRequest, store: str, runs: int
) -> None:
    open_control: OpenControl = request.getfixturevalue(f"open_{store}")
    everything = list(product(POLICIES, product(OPERATIONS, repeat=2), SWITCHES))
    for policy, names, switch_at in Random(1).sample(everything, runs):
        race, schedule = Race(policy, open_control), Schedule(switch_at)
        with closing(race.control):
            add_pauses(race.service.store, schedule.pause)
            race.check(names, schedule.run(*(partial(race.act, name) for name in names)))


@pytest.mark.parametrize(("store", "runs"), [("memory", 60), ("file", 30), ("valkey", 30)])
def test_four_threads_that_switch_always_are_a_sequence(
    request: pytest.FixtureRequest, store: str, runs: int
) -> None:
    open_control: OpenControl = request.getfixturevalue(f"open_{store}")
    chosen, interval = Random(1), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(runs):
            race = Race(chosen.choice(POLICIES), open_control)
            names = chosen.choices(OF_SESSIONS, k=4)
            with closing(race.control):
                race.check(names, race.act_together(names))
    finally:
        sys.setswitchinterval(interval)
