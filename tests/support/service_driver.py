"""Calls `AccountService` over a store, for comparisons with `tests.support.session_model`."""

from collections.abc import Callable, Sequence
from typing import Any

from accounts.domain.administration import UnknownAccount
from accounts.domain.claims import Claims
from accounts.domain.errors import AccountError, DuplicateEmail
from accounts.domain.events import Event
from accounts.domain.interfaces import AccountStore, NormalizedPassword
from accounts.domain.service import AccountService, TokenPair, TokenPolicy
from accounts.domain.users import normalize_email
from accounts.passwords.policy import parse_password
from accounts.tokens.key_ring import KeyRing
from accounts.tokens.service import TokenService
from tests.support.api import MovableClock
from tests.support.operators import administer, import_account
from tests.support.passwords import build_hasher
from tests.support.session_model import (
    ACCESS_LIFETIME,
    REFRESH_LIFETIME,
    SHORT_LIFETIME,
    SLIDING_LIFETIME,
    UNKNOWN_ACCOUNT,
    ListedSession,
    Policy,
    Result,
    StoreState,
)
from tests.support.store_states import StoreControl

HASHER = build_hasher()


class ServiceDriver:
    """Calls `AccountService`; verifies an access token as the authentication class does."""

    def __init__(self, policy: Policy, clock: MovableClock, store: StoreControl) -> None:
        self.outages = store.outages
        self.reuse_alarms: list[str] = []
        self._clock = clock
        self._control = store
        self._policy = TokenPolicy(
            access_lifetime=ACCESS_LIFETIME,
            refresh_lifetime=REFRESH_LIFETIME,
            short_refresh_lifetime=SHORT_LIFETIME,
            rotate=policy.rotates,
            reuse_grace=policy.grace,
            sliding_lifetime=SLIDING_LIFETIME if policy.slides else None,
            track_sessions=policy.tracks,
        )

    def restart(self, keys: Sequence[str]) -> None:
        self._tokens = TokenService(KeyRing(keys), self._clock)
        self._service = AccountService(
            store=self._control.open(),
            hasher=HASHER,
            tokens=self._tokens,
            policy=self._policy,
            clock=self._clock,
            emit=self._record_reuse,
        )

    @property
    def store(self) -> AccountStore:
        return self._service.store

    def set_store_state(self, state: StoreState) -> None:
        self._control.set_state(state)

    def close(self) -> None:
        self._control.close()

    def register(self, email: str, password: str) -> Result:
        def look_and_register() -> None:
            address = normalize_email(email)
            if self._service.store.get_user(address):  # as the serializer does
                raise DuplicateEmail
            self._service.register(address, NormalizedPassword(password))

        return to_result(look_and_register)

    def log_in(self, email: str, password: str, *, remember: bool) -> Result:
        return to_result(
            lambda: self._service.login(
                normalize_email(email), parse_password(password), remember=remember
            )
        )

    def refresh(self, token: str) -> Result:
        return to_result(lambda: self._service.refresh(token))

    def log_out(self, token: str) -> Result:
        return to_result(lambda: self._service.logout(token))

    def log_out_everywhere(self, access: str) -> Result:
        return to_result(lambda: self._service.logout_all(self._verify_access(access)))

    def change_password(self, access: str, current: str, new: str) -> Result:
        return to_result(
            lambda: self._service.change_password(
                self._verify_access(access), parse_password(current), NormalizedPassword(new)
            )
        )

    def delete_account(self, access: str, current: str) -> Result:
        return to_result(
            lambda: self._service.delete_account(
                self._verify_access(access), parse_password(current)
            )
        )

    def import_account(self, email: str, password: str) -> Result:
        return to_result(lambda: import_account(self._service, email, password))

    def administer(self, action: str, email: str, password: str) -> Result:
        return to_result(lambda: administer(self._service, action, email, password))

    def get_profile(self, access: str) -> Result:
        return to_result(lambda: self._verify_access(access))

    def list_sessions(self, access: str) -> Result:
        claims = self._verify_access(access)
        return Result(
            sessions=[
                ListedSession(one.sid, one.sid == claims.sid, one.created_at, one.last_refreshed_at)
                for one in self._service.list_sessions(claims)
            ]
        )

    def revoke_session(self, access: str, sid: str) -> Result:
        return to_result(lambda: self._service.revoke_session(self._verify_access(access), sid))

    def _verify_access(self, access: str) -> Claims:
        claims = self._tokens.verify_access(access)
        self._service.get_user_for_claims(claims)
        return claims

    def _record_reuse(self, event: Event, user: str) -> None:
        if event is Event.TOKEN_REUSE:
            self.reuse_alarms.append(user)


def to_result(call: Callable[[], Any]) -> Result:
    try:
        result = call()
    except AccountError as error:
        return Result(error.code)
    except UnknownAccount:
        return Result(UNKNOWN_ACCOUNT)
    if isinstance(result, TokenPair):
        return Result(
            access=result.access_token,
            refresh=result.refresh_token,
            expires_in=result.expires_in,
        )
    return Result()
