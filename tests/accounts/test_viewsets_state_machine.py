"""Compares the API over HTTP, restarts included, with `tests.support.session_model`."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")

from hypothesis.stateful import run_state_machine_as_test

from accounts import services as services_module
from accounts.domain.administration import UnknownAccount
from accounts.domain.errors import AccountError
from accounts.domain.events import Event
from accounts.services import Services, build_services
from accounts.signals import security_event
from tests.support.api import Api, MovableClock, get_field_codes
from tests.support.front_end import NAME, PROGRAM_HEADERS, FrontEnd
from tests.support.operators import administer, import_account
from tests.support.session_model import (
    ACCESS_LIFETIME,
    MAX_SESSIONS,
    REFRESH_LIFETIME,
    SHORT_LIFETIME,
    SLIDING_LIFETIME,
    UNKNOWN_ACCOUNT,
    ListedSession,
    Policy,
    Result,
    StoreState,
)
from tests.support.sessions import change_password
from tests.support.settings import override_accounts_settings
from tests.support.state_machine import SessionMachine, build_settings
from tests.support.store_states import FileControl


class HttpDriver:
    """Calls the API over a file. Each restart builds new services, and opens the file again."""

    uses_cookie = False
    outages = FileControl.outages
    _api: Api
    _services: Services

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        policy: Policy,
        clock: MovableClock,
        store: FileControl,
    ) -> None:
        self.reuse_alarms: list[str] = []
        self._monkeypatch = monkeypatch
        self._clock = clock
        self._control = store
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
        services.accounts.store = self._control.open()
        self._services = services
        self._monkeypatch.setattr(services_module, "_build_once", cache(lambda: services))

    def set_store_state(self, state: StoreState) -> None:
        self._control.set_state(state)

    def close(self) -> None:
        self._control.close()
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

    def delete_account(self, access: str, current: str) -> Result:
        body = {"current_password": current}
        return to_result(self._api.post("auth/delete-account", body, token=access))

    def import_account(self, email: str, password: str) -> Result:
        return run_command(lambda: import_account(self._services.accounts, email, password))

    def administer(self, action: str, email: str, password: str) -> Result:
        return run_command(lambda: administer(self._services.accounts, action, email, password))

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


def run_command(command: Callable[[], None]) -> Result:
    """Do what an operator does: beside the API, in the same store."""
    try:
        command()
    except AccountError as error:
        return Result(error.code)
    except UnknownAccount:
        return Result(UNKNOWN_ACCOUNT)
    return Result()


def to_seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def to_result(response: Any) -> Result:
    if response.status_code == 204:
        return Result()
    if response.status_code == 400:
        [[code]] = get_field_codes(response).values()
        return Result(code)
    body = response.json()
    if response.status_code in {401, 404, 503}:
        return Result(body["code"])
    assert response.status_code in {200, 201}
    cookie = response.cookies.get(NAME)
    return Result(
        access=body.get("access_token"),
        refresh=cookie.value if cookie else body.get("refresh_token"),
        expires_in=body.get("expires_in"),
    )


@pytest.mark.parametrize(("driver", "examples"), [(HttpDriver, 30), (CookieDriver, 15)])
def test_api_behaves_as_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, driver: type[HttpDriver], examples: int
) -> None:
    monkeypatch.setattr("accounts.domain.sessions.MAX_LISTED_SESSIONS", MAX_SESSIONS)
    numbers = count()

    class HttpMachine(SessionMachine):
        @staticmethod
        def build_driver(policy: Policy, clock: MovableClock) -> HttpDriver:
            store = FileControl(clock, tmp_path / str(next(numbers)))
            return driver(monkeypatch, policy, clock, store)

    run_state_machine_as_test(HttpMachine, settings=build_settings(examples))
