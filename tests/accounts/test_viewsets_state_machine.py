"""Compares the API over HTTP, restarts included, with `tests.support.session_model`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")

from hypothesis.stateful import run_state_machine_as_test

from accounts import services as services_module
from accounts.domain.events import Event
from accounts.services import build_services
from accounts.signals import security_event
from accounts.stores.memory import MemoryStore
from tests.support.api import Api, MovableClock, get_field_codes
from tests.support.front_end import NAME, PROGRAM_HEADERS, FrontEnd
from tests.support.session_model import (
    ACCESS_LIFETIME,
    MAX_SESSIONS,
    REFRESH_LIFETIME,
    SHORT_LIFETIME,
    SLIDING_LIFETIME,
    ListedSession,
    Policy,
    Result,
)
from tests.support.sessions import change_password
from tests.support.settings import override_accounts_settings
from tests.support.state_machine import SessionMachine, build_settings


class HttpDriver:
    """Calls the API. Each restart builds new services on the same store."""

    uses_cookie = False
    _api: Api

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, policy: Policy, clock: MovableClock
    ) -> None:
        self.reuse_alarms: list[str] = []
        self._monkeypatch = monkeypatch
        self._clock = clock
        self._store = MemoryStore(clock)
        self._policy = override_accounts_settings(
            ROTATE_REFRESH_TOKENS=policy.rotates,
            REFRESH_REUSE_GRACE_SECONDS=policy.grace,
            ACCESS_TOKEN_LIFETIME=timedelta(seconds=ACCESS_LIFETIME),
            REFRESH_TOKEN_LIFETIME=timedelta(seconds=REFRESH_LIFETIME),
            REFRESH_TOKEN_SHORT_LIFETIME=timedelta(seconds=SHORT_LIFETIME),
            REFRESH_TOKEN_SLIDING_LIFETIME=(
                timedelta(seconds=SLIDING_LIFETIME) if policy.slides else None
            ),
            TRACK_SESSIONS=policy.tracks,
            REFRESH_TOKEN_COOKIE=self.uses_cookie,
        )
        self._policy.enable()
        security_event.connect(self._record_reuse)
        self._api = Api()

    def restart(self, keys: Sequence[str]) -> None:
        with override_accounts_settings(SECRET_KEY=keys[0], SECRET_KEY_FALLBACKS=keys[1:]):
            services = build_services(self._clock)
        services.accounts.store = self._store
        self._monkeypatch.setattr(services_module, "_build_once", cache(lambda: services))

    def close(self) -> None:
        security_event.disconnect(self._record_reuse)
        self._policy.disable()

    def register(self, email: str, password: str) -> Result:
        return to_result(self._api.register(email, password))

    def log_in(self, email: str, password: str, *, remember: bool) -> Result:
        body = {"email": email, "password": password}
        choice = {} if remember else {"remember_me": False}
        return to_result(self._api.post("auth/login", body | choice))

    def refresh(self, token: str) -> Result:
        return to_result(self._api.refresh(token))

    def log_out(self, token: str) -> Result:
        return to_result(self._api.logout(token))

    def log_out_everywhere(self, access: str) -> Result:
        return to_result(self._api.post("auth/logout-all", token=access))

    def change_password(self, access: str, current: str, new: str) -> Result:
        return to_result(change_password(self._api, access, current, new))

    def get_profile(self, access: str) -> Result:
        return to_result(self._api.profile(access))

    def list_sessions(self, access: str) -> Result:
        response = self._api.get("auth/sessions", token=access)
        assert response.status_code == 200
        return Result(
            sessions=[
                ListedSession(
                    one["id"],
                    one["current"],
                    to_seconds(one["created_at"]),
                    one["last_refreshed_at"] and to_seconds(one["last_refreshed_at"]),
                )
                for one in response.json()["sessions"]
            ]
        )

    def revoke_session(self, access: str, sid: str) -> Result:
        return to_result(self._api.post(f"auth/sessions/{sid}/revoke", token=access))

    def _record_reuse(self, event: Event, user: str, **_: object) -> None:
        if event is Event.TOKEN_REUSE:
            self.reuse_alarms.append(user)


class CookieDriver(HttpDriver):
    """Sends and gets each refresh token in the cookie."""

    uses_cookie = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._api: FrontEnd = FrontEnd(PROGRAM_HEADERS)

    def refresh(self, token: str) -> Result:
        self._api.client.cookies[NAME] = token
        return to_result(self._api.refresh_by_cookie())

    def log_out(self, token: str) -> Result:
        self._api.client.cookies[NAME] = token
        return to_result(self._api.log_out_by_cookie())


def to_seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def to_result(response: Any) -> Result:
    if response.status_code == 204:
        return Result()
    if response.status_code == 400:
        [[code]] = get_field_codes(response).values()
        return Result(code)
    body = response.json()
    if response.status_code in {401, 404}:
        return Result(body["code"])
    assert response.status_code in {200, 201}
    cookie = response.cookies.get(NAME)
    return Result(
        access=body.get("access_token"),
        refresh=cookie.value if cookie else body.get("refresh_token"),
        expires_in=body.get("expires_in"),
    )


@pytest.mark.parametrize(("driver", "examples"), [(HttpDriver, 40), (CookieDriver, 20)])
def test_api_behaves_as_the_model(
    monkeypatch: pytest.MonkeyPatch, driver: type[HttpDriver], examples: int
) -> None:
    monkeypatch.setattr("accounts.domain.sessions.MAX_LISTED_SESSIONS", MAX_SESSIONS)

    class HttpMachine(SessionMachine):
        @staticmethod
        def build_driver(policy: Policy, clock: MovableClock) -> HttpDriver:
            return driver(monkeypatch, policy, clock)

    run_state_machine_as_test(HttpMachine, settings=build_settings(examples))
