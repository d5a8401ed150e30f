"""`manage.py copy_accounts`: the move from a file to a server."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.services import Services
from accounts.stores import open_store
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock

SID = "5e55104e"


AWAY = "valkey://127.0.0.1:1"


@pytest.fixture
def source(tmp_path: Path) -> str:
    return f"file://{tmp_path}/accounts.jsonl"


def copy(source: str) -> str:
    said = io.StringIO()
    call_command("copy_accounts", source, stdout=said)
    return said.getvalue()


def test_users_logouts_and_rotations_move_to_a_server(
    start: Callable[..., Services], source: str, valkey_url: str
) -> None:
    store = start(STORE_URL=source, ROTATE_REFRESH_TOKENS=True).accounts.store
    api = Api()
    ended, rotated = api.enter(), api.login().json()
    api.logout(ended["refresh_token"])
    successor = api.refresh(rotated["refresh_token"]).json()
    store.close()
    start(STORE_URL=valkey_url)
    assert copy(source).startswith("Copied 1 of 1 users")
    assert api.profile(ended["access_token"]).json()["code"] == "token_revoked"
    assert api.profile(successor["access_token"]).status_code == 200
    assert api.refresh(successor["refresh_token"]).status_code == 200
    assert api.login(EMAIL, PASSWORD).status_code == 200


def test_copying_again_changes_nothing(
    settings: Settings, source: str, valkey_url: str, clock: MovableClock
) -> None:
    user = User(EmailAddress(EMAIL), "hash", "version-1", 1.5)
    journal = open_store(source, clock)
    journal.add_user(user)
    journal.update_session(user.email, SID, lambda known: Session(SID, 2_000_000_000))
    journal.close()
    settings.STORE_URL = valkey_url
    copy(source)
    target = open_store(valkey_url, clock)
    later = target.update_user(user.email, lambda known: replace(known, security_stamp="version-2"))
    ended = target.update_session(
        user.email, SID, lambda known: Session(SID, 2_000_000_000, revoked=True)
    )
    assert copy(source).startswith("Copied 0 of 1 users")
    assert target.get_user_and_session(user.email, SID) == (later, ended)
    target.close()


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("valkey://user:s3cret@host", "names no absolute path"),
        ("file:///nowhere/accounts.jsonl", "is not there"),
    ],
)
def test_what_is_no_journal_is_refused(settings: Settings, url: str, fault: str) -> None:
    settings.STORE_URL = AWAY
    with pytest.raises(CommandError, match=fault):
        copy(url)


def test_a_copy_into_memory_is_refused(settings: Settings, source: str) -> None:
    settings.STORE_URL = "memory://"
    with pytest.raises(CommandError, match="gone when this command ends"):
        copy(source)


def test_a_journal_in_use_is_refused(settings: Settings, source: str, clock: MovableClock) -> None:
    settings.STORE_URL = AWAY
    journal = open_store(source, clock)
    with pytest.raises(CommandError, match="in use"):
        copy(source)
    journal.close()


def test_a_server_that_is_away_is_said(
    settings: Settings, source: str, clock: MovableClock
) -> None:
    journal = open_store(source, clock)
    journal.add_user(User(EmailAddress(EMAIL), "hash", "version-1", 1.5))
    journal.close()
    settings.STORE_URL = AWAY
    with pytest.raises(CommandError, match="cannot be reached"):
        copy(source)
