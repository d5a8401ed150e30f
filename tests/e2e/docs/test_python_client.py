"""docs/examples/client.py against a real service."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import PASSWORD
from tests.support.http import NEW_PASSWORD
from tests.support.metrics import Counts
from tests.support.processes import Service, run_service
from tests.support.python_client import (
    PROFILE,
    TokenStorage,
    build_client,
    expire_access_token,
)
from tests.support.valkey import wait_until

requests = pytest.importorskip("requests", reason="pip install -r requirements-dev.txt")


@pytest.fixture
def counts(service: Service) -> Counts:
    return Counts(service.metrics)


def test_request_carries_token(client: Any, email: str) -> None:
    assert client.get(PROFILE).json()["email"] == email


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_base_url_may_end_with_slash(
    example: Any, client: Any, service: Service, storage: TokenStorage, slash: str
) -> None:
    again = example.AuthClient(f"http://127.0.0.1:{service.port}{slash}", storage=storage)
    assert again.restore()
    assert again.get(PROFILE).status_code == 200


def test_login_wrong_password_raises_api_error(example: Any, client: Any, email: str) -> None:
    with pytest.raises(example.ApiError) as refused:
        client.login(email, "wrong horse")
    assert (refused.value.status, refused.value.code) == (401, "invalid_credentials")
    assert not isinstance(refused.value, example.SessionEnded)


def test_register_error_has_fields_and_request_id(
    example: Any, client: Any, service: Service, email: str
) -> None:
    with pytest.raises(example.ApiError) as refused:
        client.register(email, "short")
    codes = {name: [one["code"] for one in found] for name, found in refused.value.errors.items()}
    assert codes == {"email": ["duplicate_email"], "password": ["password_too_short"]}
    assert refused.value.request_id in service.log


def test_new_password_replaces_tokens(
    client: Any, service: Service, storage: TokenStorage, email: str
) -> None:
    old = storage.access_token
    expire_access_token(client, storage, service)
    client.change_password(PASSWORD, NEW_PASSWORD)
    assert service.profile(old).json()["code"] == "token_revoked"
    assert client.get(PROFILE).json()["email"] == email
    expire_access_token(client, storage, service)
    assert client.get(PROFILE).json()["email"] == email


def test_wrong_current_password_keeps_session(example: Any, client: Any, email: str) -> None:
    with pytest.raises(example.ApiError) as refused:
        client.change_password("wrong horse", NEW_PASSWORD)
    assert refused.value.errors["current_password"][0]["code"] == "invalid_credentials"
    assert client.get(PROFILE).json()["email"] == email


def test_request_during_new_password_waits_for_new_tokens(
    example: Any, client: Any, service: Service, storage: TokenStorage, counts: Counts
) -> None:
    with ThreadPoolExecutor(1) as threads:
        profiles = []

        def send(method: str, url: str, **options: Any) -> Any:
            response = requests.request(method, url, **options)
            if url.endswith("/password"):  # the new tokens are not known yet
                profiles.append(threads.submit(client.get, PROFILE))
                wait_until(lambda: counts.outcome("access", "token_revoked") == 1)
            return response

        client = example.AuthClient(f"http://127.0.0.1:{service.port}", storage=storage, send=send)
        client.restore()
        client.change_password(PASSWORD, NEW_PASSWORD)
        assert [profile.result().status_code for profile in profiles] == [200]


def test_restored_client_continues_session(
    example: Any, client: Any, service: Service, storage: TokenStorage, email: str
) -> None:
    expire_access_token(client, storage, service)
    restarted = example.AuthClient(f"http://127.0.0.1:{service.port}", storage=storage)
    assert restarted.restore()
    assert restarted.get(PROFILE).json()["email"] == email
    restarted.logout()
    assert storage.tokens is None
    assert not restarted.restore()


def test_two_clients_do_not_share_tokens(
    example: Any, client: Any, service: Service, email: str
) -> None:
    other = build_client(example, service, f"other.{email}", TokenStorage())
    assert client.get(PROFILE).json()["email"] == email
    assert other.get(PROFILE).json()["email"] == f"other.{email}"
    other.logout()
    assert client.get(PROFILE).status_code == 200


def test_expired_tokens_are_refreshed_and_rotated(
    client: Any, service: Service, counts: Counts, storage: TokenStorage
) -> None:
    refresh_tokens = {storage.refresh_token}
    for _ in range(2):
        expire_access_token(client, storage, service)
        assert client.get(PROFILE).status_code == 200
        refresh_tokens.add(storage.refresh_token)
    assert len(refresh_tokens) == 3
    assert counts.outcome("refresh", "success") == 2


def test_without_rotation_refresh_token_is_kept(
    example: Any, tmp_path: Path, email: str, storage: TokenStorage
) -> None:
    with run_service(tmp_path) as service:
        client = build_client(example, service, email, storage)
        refresh_token = storage.refresh_token
        expire_access_token(client, storage, service)
        assert client.get(PROFILE).status_code == 200
        assert storage.refresh_token == refresh_token


def test_threads_with_expired_token_refresh_once(
    client: Any, service: Service, counts: Counts, storage: TokenStorage
) -> None:
    expire_access_token(client, storage, service)
    barrier = threading.Barrier(8)

    def get_profile(_: int) -> int:
        barrier.wait()
        status: int = client.get(PROFILE).status_code
        return status

    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(get_profile, range(8))] == [200] * 8
    assert counts.outcome("refresh", "success") == 1


def test_client_survives_restart_of_service(
    example: Any, tmp_path: Path, email: str, storage: TokenStorage
) -> None:
    options = {
        "STORE_URL": f"file://{tmp_path}/accounts.jsonl",
        "ROTATE_REFRESH_TOKENS": "true",
        "REFRESH_REUSE_GRACE_SECONDS": "0",
    }
    with run_service(tmp_path, **options) as service:
        client = build_client(example, service, email, storage)
    with run_service(tmp_path, port=str(service.port), **options) as service:
        expire_access_token(client, storage, service)
        assert client.get(PROFILE).json()["email"] == email


def test_body_is_sent_again_after_refresh(
    client: Any, service: Service, storage: TokenStorage
) -> None:
    expire_access_token(client, storage, service)
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    response = client.request("POST", "/api/v1/auth/password", json=change)
    assert response.status_code == 200


def test_logout_revokes_session_on_server(
    example: Any, client: Any, service: Service, storage: TokenStorage
) -> None:
    access_token = storage.access_token
    client.logout()
    assert service.profile(access_token).json()["code"] == "token_revoked"
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "not_authenticated"


def test_revoked_session_raises_session_ended(
    example: Any, client: Any, service: Service, storage: TokenStorage
) -> None:
    service.post("auth/logout", {"refresh_token": storage.refresh_token})
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "token_revoked"


def test_stolen_refresh_token_raises_session_ended(
    example: Any, client: Any, service: Service, storage: TokenStorage
) -> None:
    stolen = {"refresh_token": storage.refresh_token}
    assert service.post("auth/refresh", stolen).status == 200
    expire_access_token(client, storage, service)
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "token_reused"
    assert storage.tokens is None
