"""DRF's `force_authenticate`, as the tests of a project that uses this app call it."""

from typing import Any, cast

import pytest
from rest_framework.test import APIClient

from accounts.backends import AuthenticatedUser
from accounts.domain.users import normalize_email
from accounts.services import Services
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.http import NEW_PASSWORD, Start, get_error
from tests.support.settings import AccountsSettings


@pytest.fixture
def services(start: Start) -> Services:
    return start()


@pytest.fixture
def client(services: Services) -> APIClient:
    """A client without a token, that is treated as a registered user."""
    Api().register()
    user = services.accounts.store.get_user(normalize_email(EMAIL))
    assert user is not None
    client = APIClient()
    client.force_authenticate(cast(Any, AuthenticatedUser(user)))
    return client


def post(client: APIClient, path: str, **body: str) -> Any:
    return client.post(f"/api/v1/auth/{path}", body, format="json")


def test_forced_user_has_a_profile(client: APIClient) -> None:
    assert client.get("/api/v1/protected/profile").json()["email"] == EMAIL
    assert client.get("/api/v1/auth/verify")["Remote-User"] == EMAIL


def test_forced_user_logs_out_everywhere(client: APIClient) -> None:
    token = Api().login().json()["access_token"]
    assert post(client, "logout-all").status_code == 204
    assert get_error(Api().profile(token)) == (401, "token_revoked")
    assert post(client, "logout-all").status_code == 204


def test_forced_user_changes_password_and_deletes_account(client: APIClient) -> None:
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert post(client, "password", **change).json()["token_type"] == "bearer"
    assert get_error(post(client, "password", **change)) == (400, "invalid")
    assert post(client, "delete-account", current_password=NEW_PASSWORD).status_code == 204
    assert get_error(post(client, "logout-all")) == (401, "token_revoked")


def test_forced_user_lists_and_ends_sessions(
    client: APIClient, accounts_settings: AccountsSettings
) -> None:
    accounts_settings(TRACK_SESSIONS=True)
    token = Api().login().json()["access_token"]
    [session] = client.get("/api/v1/auth/sessions").json()["sessions"]
    assert session["current"] is False
    assert post(client, f"sessions/{session['id']}/revoke").status_code == 204
    assert get_error(Api().profile(token)) == (401, "token_revoked")
