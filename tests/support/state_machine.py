"""A state machine: it acts as clients, time and operators do, and compares service and model."""

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
from tests.support.session_model import (
    MAX_SESSIONS,
    OK,
    Grant,
    Login,
    Model,
    Policy,
    Result,
    StoreState,
)

# More often: rotation with a grace period, and reuse of the previous token.
POLICIES = st.sampled_from(
    [
        Policy(True, 10),
        Policy(True, 10, tracks=True),
        Policy(True, 10, tracks=True, slides=True),
        Policy(True, 10, slides=True),
        Policy(True, 0, tracks=True),
        Policy(True, 0, slides=True),
        Policy(False, 10),
        Policy(False, 0, tracks=True),
    ]
)
STEPS_BACK = st.sampled_from([1, 1, 2, 3])

ANN, BOB = "ann@example.com", "bob@example.com"
EMAILS = st.sampled_from([ANN, BOB])
PASSWORDS = ["correct horse", "another battery"]
RARELY_TRUE = st.sampled_from([False, False, False, True])

# In seconds: within the grace period; after it; after an access token expires; after a session.
MOVES = st.sampled_from([1, 1, 11, 11, 45, 61, 151])
SINCE_LAST_LOGIN = 0.25
"""Two logins of a user come one after the other."""

PAUSES = st.sampled_from([0, 5, 9, 11, 45, 70])

OPERATOR_ACTIONS = st.sampled_from(
    ["disable", "enable", "set_password", "revoke_sessions", "delete"]
)


class Driver(Protocol):
    """A way to call the service. Its accounts survive `restart`."""

    outages: Sequence[StoreState]
    """The states that its store can be put into."""
    reuse_alarms: list[str]
    """The e-mail of each signal `token_reused`, in order."""

    def restart(self, keys: Sequence[str]) -> None: ...
    def set_store_state(self, state: StoreState) -> None: ...
    def close(self) -> None: ...
    def register(self, email: str, password: str) -> Result: ...
    def log_in(self, email: str, password: str, *, remember: bool) -> Result: ...
    def refresh(self, token: str) -> Result: ...
    def log_out(self, token: str) -> Result: ...
    def log_out_everywhere(self, access: str) -> Result: ...
    def change_password(self, access: str, current: str, new: str) -> Result: ...
    def delete_account(self, access: str, current: str) -> Result: ...
    def import_account(self, email: str, password: str) -> Result: ...
    def administer(self, action: str, email: str, password: str) -> Result: ...
    def get_profile(self, access: str) -> Result: ...
    def list_sessions(self, access: str) -> Result: ...
    def revoke_session(self, access: str, sid: str) -> Result: ...


class SessionMachine(RuleBasedStateMachine):
    """A subclass sets `build_driver`."""

    build_driver: Callable[[Policy, MovableClock], Driver]
    grants: Bundle[Grant] = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        self.driver: Driver | None = None
        self.keys_made = 0

    @initialize(target=grants, policy=POLICIES)
    def start(self, policy: Policy) -> Any:
        self.clock = MovableClock()
        self.model = Model(policy, self.clock)
        self.driver = self.service = type(self).build_driver(policy, self.clock)
        self.roll_over(renew=True, keep=1)
        self.register(ANN)
        return self.log_in(ANN, wrong=False, short=False)

    def teardown(self) -> None:
        if self.driver is not None:
            self.driver.close()

    @precondition(lambda self: len(self.model.accounts) < 2)
    @rule(email=EMAILS)
    def register(self, email: str) -> None:
        result = self.service.register(email, PASSWORDS[0])
        self.expect(self.model.register(email, PASSWORDS[0]), result)

    @precondition(lambda self: len(self.model.accounts) < 2 and not self.model.refuses_changes)
    @rule(target=grants, email=EMAILS)
    def import_account(self, email: str) -> Any:
        """The first login replaces its hash, and ends no session."""
        self.import_hash(email)
        return self.log_in(email, wrong=False, short=False)

    @rule(email=EMAILS, action=OPERATOR_ACTIONS, new=st.sampled_from(PASSWORDS))
    def act_as_operator(self, email: str, action: str, new: str) -> None:
        result = self.service.administer(action, email, new)
        self.expect(self.model.administer(action, email, new), result)
        self.get_profile_with_every_token()

    @rule(target=grants, email=EMAILS, wrong=RARELY_TRUE, short=RARELY_TRUE)
    def log_in(self, email: str, wrong: bool, short: bool) -> Any:
        self.clock.advance(SINCE_LAST_LOGIN)
        password = self.password(email, wrong)
        result = self.service.log_in(email, password, remember=not short)
        if self.expect(self.model.log_in(email, password), result):
            return self.model.add_login(email, result, remember=not short)
        return multiple()

    @precondition(lambda self: self.model.policy.tracks)
    @rule(target=grants, email=EMAILS, times=st.integers(1, MAX_SESSIONS + 1))
    def log_in_repeatedly(self, email: str, times: int) -> Any:
        got = [self.log_in(email, wrong=False, short=False) for _ in range(times)]
        self.get_profile_with_every_token()
        return multiple(*(grant for grant in got if isinstance(grant, Grant)))

    @rule(target=grants, grant=grants, times=st.integers(1, 3), pause=PAUSES)
    def refresh(self, grant: Grant, times: int, pause: int) -> Any:
        """Refresh `times` times, each time with the newest token, after a pause."""
        return multiple(*self.refresh_repeatedly(grant, times, pause)[1:])

    @precondition(lambda self: self.model.live_grants())
    @rule(
        target=grants,
        times=st.integers(1, 3),
        pause=PAUSES,
        back=STEPS_BACK,
        replays=st.integers(1, 2),
    )
    def replay(self, times: int, pause: int, back: int, replays: int) -> Any:
        """Refresh `times` times, then use the token of `back` refreshes ago again.

        The newest live grant is used, because most others have been used already.
        """
        grant = self.model.live_grants()[-1]
        got = self.refresh_repeatedly(grant, times, pause=0)
        old = got[max(0, len(got) - 1 - back)]
        for _ in range(replays):
            self.wait(pause)
            got += self.refresh_once(old)
        self.get_profile_with_all(grant.login)
        return multiple(*got[1:])

    @rule()
    def refresh_with_every_token(self) -> None:
        for grant in {grant.refresh: grant for grant in self.model.grants}.values():
            self.refresh_once(grant)

    @rule()
    def get_profile_with_every_token(self) -> None:
        for login in {grant.login: None for grant in self.model.grants}:
            self.get_profile_with_all(login)

    @rule(grant=grants, refreshes=st.integers(0, 2))
    def log_out(self, grant: Grant, refreshes: int) -> None:
        """Refresh `refreshes` times, then log out with the first token."""
        self.refresh_repeatedly(grant, refreshes, pause=0)
        self.expect(self.model.log_out(grant), self.service.log_out(grant.refresh))
        self.get_profile_with_all(grant.login)

    @precondition(lambda self: self.model.policy.slides and self.model.live_grants())
    @rule(by_access=st.booleans())
    def log_out_by_an_expired_token(self, by_access: bool) -> None:
        """The session has slid past the end of its earlier tokens."""
        got = self.refresh_repeatedly(self.model.live_grants()[-1], times=3, pause=70)
        self.log_out_by_access_token(got[0]) if by_access else self.log_out(got[0], refreshes=0)
        self.wait(61)
        self.refresh_once(got[-1])

    @rule(grant=grants)
    def log_out_by_access_token(self, grant: Grant) -> None:
        self.expect(self.model.log_out_by_access_token(grant), self.service.log_out(grant.access))
        self.get_profile_with_all(grant.login)

    @precondition(lambda self: self.model.live_grants())
    @rule(grant=grants)
    def log_out_everywhere(self, grant: Grant) -> None:
        result = self.service.log_out_everywhere(grant.access)
        self.expect(self.model.log_out_everywhere(grant), result)

    @precondition(lambda self: self.model.live_grants())
    @rule(target=grants, grant=grants, wrong=RARELY_TRUE, new=st.sampled_from(PASSWORDS))
    def change_password(self, grant: Grant, wrong: bool, new: str) -> Any:
        self.clock.advance(SINCE_LAST_LOGIN)
        current = self.password(grant.login.email, wrong)
        result = self.service.change_password(grant.access, current, new)
        if self.expect(self.model.change_password(grant, current, new), result):
            email, remember = grant.login.email, grant.login.remember
            return self.model.add_login(email, result, remember=remember)
        return multiple()

    @precondition(lambda self: self.model.live_grants())
    @rule(wrong=st.booleans())
    def delete_account(self, wrong: bool) -> None:
        grant = self.model.live_grants()[-1]
        current = self.password(grant.login.email, wrong)
        result = self.service.delete_account(grant.access, current)
        self.expect(self.model.delete_account(grant, current), result)
        self.get_profile_with_every_token()

    @precondition(lambda self: self.model.policy.tracks and self.model.live_grants())
    @rule(other=grants)
    def revoke_session(self, other: Grant) -> None:
        """With the newest live grant, because most others have ended."""
        grant = self.model.live_grants()[-1]
        result = self.service.revoke_session(grant.access, other.login.sid)
        self.expect(self.model.revoke_session(grant, other.login), result)
        self.get_profile_with_all(other.login)
        self.list_sessions()

    @precondition(lambda self: self.model.policy.tracks)
    @rule()
    def list_sessions(self) -> None:
        for grant in self.model.live_grants():
            result = self.service.list_sessions(grant.access)
            assert result.sessions == self.model.list_sessions(grant)

    @rule(grant=grants)
    def use_tokens_of_wrong_type_or_key(self, grant: Grant) -> None:
        """Use each token as the other type, and both with an unknown key ID."""
        access, refresh = [grant.refresh], [grant.access]
        for key in self.model.keys:
            access.append(replace_key_id(grant.access, key))
            refresh.append(replace_key_id(grant.refresh, key))
            self.expect(OK, self.service.log_out(access[-1]))
            self.expect(OK, self.service.log_out(refresh[-1]))
        for forged in access:
            self.expect("token_invalid", self.service.get_profile(forged))
        for forged in refresh:
            self.expect("token_invalid", self.service.refresh(forged))

    @rule(seconds=MOVES)
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(renew=st.booleans(), keep=st.integers(1, 2))
    def roll_over(self, renew: bool, keep: int) -> None:
        """Keep the newest `keep` keys; with a new key they become fallbacks."""
        keys = self.model.keys[:keep]
        if renew:
            self.keys_made += 1
            keys.insert(0, f"key number {self.keys_made:>32}")
        self.restart(keys)

    @rule()
    def announce_key(self) -> None:
        """Round one of a rollover on several machines: the new key verifies, and does not sign."""
        self.keys_made += 1
        self.restart([*self.model.keys[:2], f"key number {self.keys_made:>32}"])

    @precondition(lambda self: len(self.model.keys) > 1)
    @rule()
    def sign_with_announced_key(self) -> None:
        """Round two: the last key becomes the first."""
        *others, announced = self.model.keys
        self.restart([announced, *others])

    @precondition(lambda self: self.service.outages)
    @rule(data=st.data())
    def change_store_state(self, data: st.DataObject) -> None:
        """An outage lasts for the next steps; a second call may end it."""
        states = [StoreState.UP, *self.service.outages]
        states.remove(self.model.store)
        self.set_store_state(data.draw(st.sampled_from(states)))
        self.get_profile_with_every_token()

    @precondition(lambda self: self.service.outages and not self.model.refuses_changes)
    @rule(data=st.data())
    def refuse_changes_during_an_outage(self, data: st.DataObject) -> None:
        """Whatever a store refuses has not happened. A login needs no new hash."""
        self.import_hash(BOB)
        self.set_store_state(data.draw(st.sampled_from(self.service.outages)))
        for grant in [self.model.grants[0], self.model.grants[-1]]:
            self.refresh_once(grant)
            self.log_out(grant, refreshes=0)
        self.log_in(BOB, wrong=False, short=False)
        self.set_store_state(StoreState.UP)
        self.get_profile_with_every_token()
        self.refresh_once(self.model.grants[-1])

    def import_hash(self, email: str) -> None:
        result = self.service.import_account(email, PASSWORDS[0])
        self.expect(self.model.import_account(email, PASSWORDS[0]), result)

    def set_store_state(self, state: StoreState) -> None:
        self.model.store = state
        self.service.set_store_state(state)

    def restart(self, keys: list[str]) -> None:
        """Start the service anew, and open its store again."""
        self.set_store_state(StoreState.UP)
        self.model.keys = keys
        self.service.restart(keys)

    def refresh_repeatedly(self, grant: Grant, times: int, pause: int) -> list[Grant]:
        got = [grant]
        while len(got) <= times and (successor := self.refresh_once(got[-1])):
            got += successor
            self.wait(pause)
        return got

    def refresh_once(self, grant: Grant) -> list[Grant]:
        result = self.service.refresh(grant.refresh)
        accepted = self.expect(self.model.refresh(grant), result)
        return [self.model.add_refresh(grant, result)] if accepted else []

    def get_profile_with_all(self, login: Login) -> None:
        for grant in self.model.grants:
            if grant.login is login:
                self.expect(self.model.get_profile(grant), self.service.get_profile(grant.access))

    def password(self, email: str, wrong: bool) -> str:
        account = self.model.accounts.get(email)
        is_second = account is not None and account.password == PASSWORDS[1]
        return PASSWORDS[is_second != wrong]

    def expect(self, code: str, result: Result) -> bool:
        event(code)
        assert result.code == code, f"expected {code}, got {result.code}"
        assert self.service.reuse_alarms == self.model.reused_by
        return code == OK


def replace_key_id(token: str, key: str) -> str:
    """Return the token signed by `key`, but with an unknown key ID."""
    return sign({**decode_header(token), "kid": "unknown"}, decode_claims(token), key=key)


def build_settings(max_examples: int) -> settings:
    """Return Hypothesis settings. The phase `explain` is left out because it is slow."""
    return settings(
        max_examples=max_examples,
        stateful_step_count=25,
        deadline=None,
        report_multiple_bugs=False,
        phases=set(Phase) - {Phase.explain},
    )
