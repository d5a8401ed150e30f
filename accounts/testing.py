"""pytest fixtures for a project that uses this app: `pytest_plugins = ["accounts.testing"]`.

They need pytest-django. docs/guides/test-your-project.md shows each of them.
"""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import services as services_module
from accounts.backends import AuthenticatedUser
from accounts.domain.service import AccountService
from accounts.domain.users import normalize_email
from accounts.services import get_services, reset_services

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"  # noqa: S105  # of an account in memory
CHEAPEST_ROUNDS = 4
"""bcrypt's least cost: a hash takes a millisecond."""


class MovableClock:
    """A `Clock` that stands still, and moves only by `advance`."""

    def __init__(self, now: float = 1_800_000_000.25) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def accounts_settings(settings: Any) -> Callable[..., None]:
    """Change keys of the setting `ACCOUNTS` until the test ends."""

    def change(**changed: object) -> None:
        settings.ACCOUNTS = {**getattr(settings, "ACCOUNTS", {}), **changed}

    return change


@pytest.fixture(autouse=True)
def accounts_in_memory(
    accounts_settings: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    """Each test starts without accounts, keeps them in memory, and hashes cheaply."""
    accounts_settings(STORE_URL="memory://", SEED_USERS_FILE=None, BCRYPT_ROUNDS=CHEAPEST_ROUNDS)
    reset_services()
    if "accounts_clock" in request.fixturenames:
        request.getfixturevalue("accounts_clock")  # before `account_client` gets its token


@pytest.fixture
def accounts_clock(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    """The time of accounts and tokens: it stands still, and `advance(seconds)` moves it."""
    clock = MovableClock(int(time.time()))
    monkeypatch.setattr(services_module, "time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture
def accounts(accounts_in_memory: None) -> AccountService:
    """The use cases, such as `register` and `login`."""
    return get_services().accounts


@pytest.fixture
def account_user(accounts: AccountService) -> AuthenticatedUser:
    """The `request.user` of an account with `EMAIL` and `PASSWORD`."""
    password = get_services().password_policy.validate(PASSWORD)
    return AuthenticatedUser(accounts.register(normalize_email(EMAIL), password))


@pytest.fixture
def account_client(account_user: AuthenticatedUser, accounts: AccountService) -> APIClient:
    """DRF's client, logged in as `account_user` by an access token."""
    client = APIClient()
    tokens = accounts.start_session(account_user.user)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.access_token}")
    return client
