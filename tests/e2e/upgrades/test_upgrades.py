"""The present version takes over what an earlier one left: accounts, sessions, tokens, settings.

Each folder of data/ was recorded from that version in operation (tests/support/upgrade_data.py):
the last state of a day of development, or a release. They must never be changed.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import pytest
import redis

from accounts.services import Services
from authproject.environment.reader import find_unknown_names, read_environment
from tests.settings import TEST_ENVIRONMENT
from tests.support.api import Api, MovableClock
from tests.support.http import Start
from tests.support.processes import run_service
from tests.support.upgrade_data import (
    CHANGED_USER,
    DATA,
    DELETED_USER,
    DISABLED_USER,
    NEW_PASSWORD,
    PASSWORD,
    REVOKED_USER,
    SECRET,
    UNICODE_USER,
    USER,
)

VERSIONS = sorted(path.name for path in DATA.iterdir())
FIRST = VERSIONS[0]
DAY = 86_400


class Upgraded(Api):
    """The present service with the accounts and tokens of an earlier version."""

    def __init__(self, recorded: dict[str, Any], store: str) -> None:
        super().__init__()
        self.manages_accounts: bool = recorded["manages_accounts"]
        self.time: float = recorded[store]["time"]
        self._tokens = recorded[store]

    def access(self, name: str) -> str:
        token: str = self._tokens[name]["access_token"]
        return token

    def refresh_token(self, name: str) -> str:
        token: str = self._tokens[name]["refresh_token"]
        return token

    def is_valid(self, name: str) -> bool:
        """Return whether a recorded pair is accepted: both tokens of it, or none."""
        profile = self.profile(self.access(name)).status_code
        refresh = self.refresh(self.refresh_token(name)).status_code
        assert profile == refresh, (name, profile, refresh)
        return bool(profile == 200)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=["file", "valkey"])
def upgraded(
    request: pytest.FixtureRequest, version: str, tmp_path: Path, start: Start, clock: MovableClock
) -> Iterator[Upgraded]:
    """Two seconds after the last request to the earlier version."""
    recorded = json.loads((DATA / version / "tokens.json").read_text(encoding="utf-8"))
    if request.param == "file":
        shutil.copy(DATA / version / "accounts.jsonl", tmp_path)
        url = f"file://{tmp_path}/accounts.jsonl"
    else:
        url = request.getfixturevalue("valkey_url")
        restore(url, DATA / version / "valkey.json")
    api = Upgraded(recorded, request.param)
    clock.now = api.time + 2
    services: Services = start(SECRET_KEY=SECRET, STORE_URL=url, ROTATE_REFRESH_TOKENS=True)
    yield api
    services.accounts.store.close()


def decode(token: str) -> Any:
    """Return the claims. Their order has changed since the first version."""
    return jwt.decode(token, options={"verify_signature": False})


def restore(url: str, dump: Path) -> None:
    records = json.loads(dump.read_text(encoding="utf-8"))
    with closing(redis.Redis.from_url(url.replace("valkey", "redis"))) as client:
        for key, value in records.items():
            if isinstance(value, list):
                client.sadd(key, *value)
            else:
                client.set(key, value)


def test_accounts_of_earlier_version_log_in(upgraded: Upgraded) -> None:
    for email in (USER, UNICODE_USER, REVOKED_USER):
        assert upgraded.login(email, PASSWORD).status_code == 200, email
    assert upgraded.login(CHANGED_USER, NEW_PASSWORD).status_code == 200
    assert upgraded.login(CHANGED_USER, PASSWORD).status_code == 401
    assert upgraded.register(UNICODE_USER, PASSWORD).status_code == 400


def test_disabled_and_deleted_accounts_stay_so(upgraded: Upgraded) -> None:
    expected = 401 if upgraded.manages_accounts else 200
    for email, name in ((DISABLED_USER, "disabled"), (DELETED_USER, "deleted")):
        assert upgraded.is_valid(name) is not upgraded.manages_accounts, email
        assert upgraded.login(email, PASSWORD).status_code == expected, email


def test_tokens_of_earlier_version_are_valid(upgraded: Upgraded) -> None:
    for name in ("untouched", "unicode", "changed_new", "rotated_2"):
        assert upgraded.is_valid(name), name


def test_revoked_tokens_of_earlier_version_stay_revoked(upgraded: Upgraded) -> None:
    for name in ("logged_out", "changed", "revoked_user"):
        assert not upgraded.is_valid(name), name


def test_tokens_of_earlier_version_expire(upgraded: Upgraded, clock: MovableClock) -> None:
    clock.now += 15 * 60
    assert upgraded.profile(upgraded.access("untouched")).status_code == 401
    clock.now += 7 * DAY
    assert not upgraded.is_valid("untouched")


def test_retry_after_upgrade_returns_token_with_same_claims(upgraded: Upgraded) -> None:
    retried = upgraded.refresh(upgraded.refresh_token("rotated_1")).json()["refresh_token"]
    assert decode(retried) == decode(upgraded.refresh_token("rotated_2"))


def test_reused_token_of_earlier_version_ends_its_session(upgraded: Upgraded) -> None:
    assert upgraded.refresh(upgraded.refresh_token("rotated_0")).status_code == 401
    assert not upgraded.is_valid("rotated_2")


def test_logout_ends_session_of_earlier_version(upgraded: Upgraded) -> None:
    assert upgraded.logout(upgraded.refresh_token("rotated_2")).status_code == 204
    assert not upgraded.is_valid("rotated_2")


def test_settings_of_earlier_version_are_valid(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in TEST_ENVIRONMENT:
        monkeypatch.delenv(name)
    dotenv = DATA / version / "env"
    assert read_environment(dotenv).JWT_SECRET_KEY == SECRET
    assert find_unknown_names(dotenv) == []


@pytest.mark.slow
def test_service_starts_with_settings_and_file_of_first_version(tmp_path: Path) -> None:
    shutil.copy(DATA / FIRST / "accounts.jsonl", tmp_path)
    lines = (DATA / FIRST / "env").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    settings["STORE_URL"] = f"file://{tmp_path}/accounts.jsonl"
    with run_service(tmp_path, **settings) as service:
        body = {"email": UNICODE_USER, "password": PASSWORD}
        tokens = service.post("auth/login", body).json()
        assert service.profile(tokens["access_token"]).status == 200
