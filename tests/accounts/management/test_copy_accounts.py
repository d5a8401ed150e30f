import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.services import Services
from accounts.stores import open_store
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.settings import AccountsSettings
from tests.support.stores import USER, tracked_session

SID = "5e55104e"
UNREACHABLE = "valkey://127.0.0.1:1"


@pytest.fixture
def source(tmp_path: Path) -> str:
    return f"file://{tmp_path}/accounts.jsonl"


def copy(source: str) -> str:
    output = io.StringIO()
    call_command("copy_accounts", source, stdout=output)
    return output.getvalue()


def test_copy_keeps_users_logouts_and_rotations(
    start: Callable[..., Services], source: str, valkey_url: str
) -> None:
    store = start(STORE_URL=source, ROTATE_REFRESH_TOKENS=True).accounts.store
    api = Api()
    revoked, rotated = api.register_and_log_in(), api.login().json()
    api.logout(revoked["refresh_token"])
    refreshed = api.refresh(rotated["refresh_token"]).json()
    store.close()
    start(STORE_URL=valkey_url)
    assert copy(source).startswith("Copied 1 of 1 users")
    assert api.profile(revoked["access_token"]).json()["code"] == "token_revoked"
    assert api.profile(refreshed["access_token"]).status_code == 200
    assert api.refresh(refreshed["refresh_token"]).status_code == 200
    assert api.login(EMAIL, PASSWORD).status_code == 200


def test_second_copy_changes_nothing(
    accounts_settings: AccountsSettings, source: str, valkey_url: str, clock: MovableClock
) -> None:
    user = User(EmailAddress(EMAIL), "hash", "version-1", 1.5).with_profile({"name": "Ada"})
    journal = open_store(source, clock)
    journal.add_user(user)
    journal.update_session(user.email, SID, lambda stored: Session(SID, 2_000_000_000))
    journal.close()
    accounts_settings(STORE_URL=valkey_url)
    copy(source)
    target = open_store(valkey_url, clock)
    later = target.update_user(
        user.email, lambda stored: replace(stored, security_stamp="version-2")
    )
    revoked = target.update_session(
        user.email, SID, lambda stored: Session(SID, 2_000_000_000, revoked=True)
    )
    assert copy(source).startswith("Copied 0 of 1 users")
    assert target.get_user_and_session(user.email, SID) == (later, revoked)
    target.close()


def test_tracked_session_is_listed_after_a_copy(
    accounts_settings: AccountsSettings, source: str, valkey_url: str, clock: MovableClock
) -> None:
    session = tracked_session(clock, 1)
    with closing(open_store(source, clock)) as journal:
        journal.add_user(USER)
        journal.update_sessions(USER.email, lambda listed: [session])
    accounts_settings(STORE_URL=valkey_url)
    copy(source)
    with closing(open_store(valkey_url, clock)) as target:
        assert target.get_sessions(USER.email) == [session]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("valkey://user:s3cret@host", "names no absolute path to a file"),
        ("file:///nowhere/accounts.jsonl", "is not there"),
    ],
)
def test_missing_journal_is_an_error(
    accounts_settings: AccountsSettings, url: str, message: str
) -> None:
    accounts_settings(STORE_URL=UNREACHABLE)
    with pytest.raises(CommandError, match=message):
        copy(url)


def test_copy_into_memory_is_an_error(accounts_settings: AccountsSettings, source: str) -> None:
    accounts_settings(STORE_URL="memory://")
    with pytest.raises(CommandError, match="gone when this command ends"):
        copy(source)


def test_journal_in_use_is_an_error(
    accounts_settings: AccountsSettings, source: str, clock: MovableClock
) -> None:
    accounts_settings(STORE_URL=UNREACHABLE)
    journal = open_store(source, clock)
    with pytest.raises(CommandError, match="in use"):
        copy(source)
    journal.close()


def test_unreachable_store_is_an_error(
    accounts_settings: AccountsSettings, source: str, clock: MovableClock
) -> None:
    journal = open_store(source, clock)
    journal.add_user(User(EmailAddress(EMAIL), "hash", "version-1", 1.5))
    journal.close()
    accounts_settings(STORE_URL=UNREACHABLE)
    with pytest.raises(CommandError, match="cannot be reached"):
        copy(source)
