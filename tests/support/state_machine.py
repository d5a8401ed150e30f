"""A machine that does whatever clients, time and operators do, and compares service and model."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from hypothesis import Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
)

from tests.support.api import MovableClock
from tests.support.http import decode_claims, decode_header, sign
from tests.support.session_model import OK, Answer, Grant, Login, Model, Policy

# What can do more harm is drawn more often: rotation with a grace, and the predecessor's replay.
POLICIES = st.sampled_from(
    [Policy(True, 10), Policy(True, 10), Policy(True, 0), Policy(False, 10), Policy(False, 0)]
)
STEPS_BACK = st.sampled_from([1, 1, 2, 3])

ANN, BOB = "ann@example.com", "bob@example.com"
EMAILS = st.sampled_from([ANN, BOB])
PASSWORDS = ["correct horse", "another battery"]
SELDOM = st.sampled_from([False, False, False, True])

# A moment; past a grace of 10; past an access token, in two moves or in one; past a session.
MOVES = st.sampled_from([1, 1, 11, 11, 45, 61, 151])
PAUSES = st.sampled_from([0, 5, 9, 11, 45])


class Driver(Protocol):
    """One way to reach the service; its accounts survive `restart`."""

    alarms: list[str]
    """The e-mail of each theft that was signalled, in order."""

    def restart(self, keys: Sequence[str]) -> None: ...
    def close(self) -> None: ...
    def register(self, email: str, password: str) -> Answer: ...
    def log_in(self, email: str, password: str) -> Answer: ...
    def refresh(self, token: str) -> Answer: ...
    def log_out(self, token: str) -> Answer: ...
    def log_out_everywhere(self, access: str) -> Answer: ...
    def change_password(self, access: str, current: str, new: str) -> Answer: ...
    def open(self, access: str) -> Answer: ...


class SessionMachine(RuleBasedStateMachine):
    """`drive` is set by a subclass."""

    drive: Callable[[Policy, MovableClock], Driver]
    grants: Bundle[Grant] = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        self.driver: Driver | None = None
        self.keys_made = 0

    @initialize(target=grants, policy=POLICIES)
    def start(self, policy: Policy) -> Any:
        self.clock = MovableClock()
        self.model = Model(policy, self.clock)
        self.driver = self.service = type(self).drive(policy, self.clock)
        self.roll_over(renew=True, keep=1)
        self.register(ANN)
        return self.log_in(ANN, mistaken=False)

    def teardown(self) -> None:
        if self.driver is not None:
            self.driver.close()

    @precondition(lambda self: len(self.model.accounts) == 1)
    @rule(email=EMAILS)
    def register(self, email: str) -> None:
        answer = self.service.register(email, PASSWORDS[0])
        self.expect(self.model.register(email, PASSWORDS[0]), answer)

    @rule(target=grants, email=EMAILS, mistaken=SELDOM)
    def log_in(self, email: str, mistaken: bool) -> Any:
        password = self.password(email, mistaken)
        answer = self.service.log_in(email, password)
        if self.expect(self.model.log_in(email, password), answer):
            return self.model.begun(email, answer)
        return multiple()

    @rule(target=grants, grant=grants, times=st.integers(1, 3), pause=PAUSES)
    def refresh(self, grant: Grant, times: int, pause: int) -> Any:
        """Refresh, and after each pause again with what that gave."""
        return multiple(*self.chain(grant, times, pause)[1:])

    @precondition(lambda self: self.model.live_grants())
    @rule(
        target=grants,
        times=st.integers(1, 3),
        pause=PAUSES,
        back=STEPS_BACK,
        replays=st.integers(1, 2),
    )
    def replay(self, times: int, pause: int, back: int, replays: int) -> Any:
        """Refresh so often; after each pause present the token of so many refreshes ago.

        The newest live grant is taken: any other has mostly been spent, and proves little.
        """
        grant = self.model.live_grants()[-1]
        got = self.chain(grant, times, pause=0)
        old = got[max(0, len(got) - 1 - back)]
        for _ in range(replays):
            self.wait(pause)
            got += self.refresh_once(old)
        self.open_all_of(grant.login)
        return multiple(*got[1:])

    @rule()
    def refresh_with_every_token(self) -> None:
        for grant in {grant.refresh: grant for grant in self.model.grants}.values():
            self.refresh_once(grant)

    @rule()
    def open_with_every_token(self) -> None:
        for login in {grant.login: None for grant in self.model.grants}:
            self.open_all_of(login)

    @rule(grant=grants, refreshes=st.integers(0, 2))
    def log_out(self, grant: Grant, refreshes: int) -> None:
        """Refresh so often, then log out with the token that was there before."""
        self.chain(grant, refreshes, pause=0)
        self.expect(self.model.log_out(grant), self.service.log_out(grant.refresh))
        self.open_all_of(grant.login)

    @precondition(lambda self: self.model.live_grants())
    @rule(grant=grants)
    def log_out_everywhere(self, grant: Grant) -> None:
        answer = self.service.log_out_everywhere(grant.access)
        self.expect(self.model.log_out_everywhere(grant), answer)

    @precondition(lambda self: self.model.live_grants())
    @rule(target=grants, grant=grants, mistaken=SELDOM, new=st.sampled_from(PASSWORDS))
    def change_password(self, grant: Grant, mistaken: bool, new: str) -> Any:
        current = self.password(grant.login.email, mistaken)
        answer = self.service.change_password(grant.access, current, new)
        if self.expect(self.model.change_password(grant, current, new), answer):
            return self.model.begun(grant.login.email, answer)
        return multiple()

    @rule(grant=grants)
    def present_what_is_no_such_token(self, grant: Grant) -> None:
        """Each token in the other's place, and both under a name that no key has."""
        self.expect(OK, self.service.log_out(grant.access))
        access, refresh = [grant.refresh], [grant.access]
        for key in self.model.keys:
            access.append(renamed(grant.access, key))
            refresh.append(renamed(grant.refresh, key))
        for forged in access:
            self.expect("token_invalid", self.service.open(forged))
        for forged in refresh:
            self.expect("token_invalid", self.service.refresh(forged))

    @rule(seconds=MOVES)
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(renew=st.booleans(), keep=st.integers(1, 2))
    def roll_over(self, renew: bool, keep: int) -> None:
        """Keep so many keys, the newest; with a new one they become its fallbacks."""
        keys = self.model.keys[:keep]
        if renew:
            self.keys_made += 1
            keys.insert(0, f"key number {self.keys_made:>32}")
        self.restart(keys)

    def restart(self, keys: list[str]) -> None:
        self.model.keys = keys
        self.service.restart(keys)

    def chain(self, grant: Grant, times: int, pause: int) -> list[Grant]:
        got = [grant]
        while len(got) <= times and (successor := self.refresh_once(got[-1])):
            got += successor
            self.wait(pause)
        return got

    def refresh_once(self, grant: Grant) -> list[Grant]:
        answer = self.service.refresh(grant.refresh)
        accepted = self.expect(self.model.refresh(grant), answer)
        return [self.model.refreshed(grant, answer)] if accepted else []

    def open_all_of(self, login: Login) -> None:
        for grant in self.model.grants:
            if grant.login is login:
                self.expect(self.model.open(grant), self.service.open(grant.access))

    def password(self, email: str, mistaken: bool) -> str:
        account = self.model.accounts.get(email)
        is_second = account is not None and account.password == PASSWORDS[1]
        return PASSWORDS[is_second != mistaken]

    def expect(self, code: str, answer: Answer) -> bool:
        event(code)
        assert answer.code == code, f"expected {code}, got {answer.code}"
        assert self.service.alarms == self.model.thefts
        return code == OK


def renamed(token: str, key: str) -> str:
    """Return the token signed by `key`, under a name that no key has."""
    return sign({**decode_header(token), "kid": "nobody's"}, decode_claims(token), key=key)


def budget(max_examples: int) -> settings:
    """Return settings for so many runs. A failure is shrunk, not also explained: that is slow."""
    return settings(
        max_examples=max_examples,
        stateful_step_count=25,
        deadline=None,
        report_multiple_bugs=False,
        phases=set(Phase) - {Phase.explain},
    )
