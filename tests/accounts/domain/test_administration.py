"""What an operator does with accounts, seen by the user over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.domain.administration import AccountAdministration, UnknownAccount
from accounts.domain.events import Event
from accounts.domain.users import EmailAddress
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy
from accounts.signals import emit
from tests.support.api import EMAIL, Api, get_field_codes
from tests.support.http import NEW_PASSWORD, Start, get_error
from tests.support.sessions import record_signals

ADDRESS = EmailAddress(EMAIL)
NEW = PasswordPolicy(reject_common=False).validate(NEW_PASSWORD)
REVOKED = (401, "token_revoked")
CHANGES: dict[str, tuple[Callable[[AccountAdministration], Any], Event]] = {
    "set_password": (lambda admin: admin.set_password(ADDRESS, NEW), Event.PASSWORD_CHANGE),
    "revoke_sessions": (lambda admin: admin.revoke_sessions(ADDRESS), Event.TOKEN_REVOKED),
    "disable": (lambda admin: admin.disable(ADDRESS), Event.USER_DISABLED),
    "enable": (lambda admin: admin.enable(ADDRESS), Event.USER_ENABLED),
    "delete": (lambda admin: admin.delete(ADDRESS), Event.USER_DELETED),
}
every_change = pytest.mark.parametrize(("change", "event"), CHANGES.values(), ids=list(CHANGES))


@pytest.fixture
def admin(start: Start) -> AccountAdministration:
    hasher = BcryptHasher(rounds=4, executor=HashingExecutor())
    return AccountAdministration(store=start().accounts.store, hasher=hasher, emit=emit)


@pytest.fixture
def api(admin: AccountAdministration) -> Api:
    return Api()


@every_change
def test_change_revokes_every_token_and_sends_its_event(
    api: Api, admin: AccountAdministration, change: Any, event: Event
) -> None:
    tokens = api.register_and_log_in()
    with record_signals() as signals:
        change(admin)
    assert signals == [(event, EMAIL)]
    assert get_error(api.profile(tokens["access_token"])) == REVOKED
    assert get_error(api.refresh(tokens["refresh_token"])) == REVOKED


@every_change
def test_change_of_unknown_account_is_an_error(
    admin: AccountAdministration, change: Any, event: Event
) -> None:
    with record_signals() as signals, pytest.raises(UnknownAccount):
        change(admin)
    assert signals == []


def test_disabled_account_is_as_a_wrong_password(api: Api, admin: AccountAdministration) -> None:
    api.register()
    wrong = api.login(password="wrong password")
    admin.disable(ADDRESS)
    response = api.login()
    assert response.json() == wrong.json()
    assert response["WWW-Authenticate"] == wrong["WWW-Authenticate"]
    assert get_field_codes(api.register()) == {"email": ["duplicate_email"]}


def test_enabled_account_logs_in_and_old_tokens_stay_revoked(
    api: Api, admin: AccountAdministration
) -> None:
    old = api.register_and_log_in()
    admin.disable(ADDRESS)
    assert admin.enable(ADDRESS).disabled is False
    assert get_error(api.profile(old["access_token"])) == REVOKED
    assert get_error(api.refresh(old["refresh_token"])) == REVOKED
    assert api.profile(api.login().json()["access_token"]).status_code == 200


def test_set_password_replaces_the_old_one(api: Api, admin: AccountAdministration) -> None:
    api.register()
    admin.set_password(ADDRESS, NEW)
    assert get_error(api.login()) == (401, "invalid_credentials")
    assert api.login(password=NEW_PASSWORD).status_code == 200


def test_deleted_account_can_register_again(api: Api, admin: AccountAdministration) -> None:
    api.register()
    admin.delete(ADDRESS)
    assert get_error(api.login()) == (401, "invalid_credentials")
    assert api.register().status_code == 201


def test_get_returns_the_account(api: Api, admin: AccountAdministration) -> None:
    api.register()
    assert admin.get(ADDRESS).email == EMAIL


@pytest.mark.parametrize(
    ("search", "found"), [([], 3), (["ADA"], 1), (["@example.com"], 2), (["nobody"], 0)]
)
def test_accounts_are_found_by_a_part_of_the_address(
    api: Api, admin: AccountAdministration, search: list[str], found: int
) -> None:
    for email in ("ada@example.com", "bob@example.com", "eve@example.org"):
        api.register(email)
    assert len(list(admin.iter_accounts(*search))) == found
