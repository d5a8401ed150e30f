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
from tests.support.python_client import PROFILE, build_client, expire_access_token

requests = pytest.importorskip("requests", reason="pip install -r requirements-dev.txt")


@pytest.fixture
def counts(service: Service) -> Counts:
    return Counts(service.metrics)


def test_request_carries_token(client: Any, email: str) -> None:
    assert client.get(PROFILE).json()["email"] == email


def test_login_wrong_password_raises_http_error(client: Any, email: str) -> None:
    with pytest.raises(requests.HTTPError, match="401"):
        client.login(email, "wrong horse")


def test_expired_tokens_are_refreshed_and_rotated(
    client: Any, service: Service, counts: Counts
) -> None:
    refresh_tokens = {client._session["refresh_token"]}
    for _ in range(2):
        expire_access_token(client, service)
        assert client.get(PROFILE).status_code == 200
        refresh_tokens.add(client._session["refresh_token"])
    assert len(refresh_tokens) == 3
    assert counts.outcome("refresh", "success") == 2


def test_without_rotation_refresh_token_is_kept(example: Any, tmp_path: Path, email: str) -> None:
    with run_service(tmp_path) as service:
        client = build_client(example, service, email)
        refresh_token = client._session["refresh_token"]
        expire_access_token(client, service)
        assert client.get(PROFILE).status_code == 200
        assert client._session["refresh_token"] == refresh_token


def test_threads_with_expired_token_refresh_once(
    client: Any, service: Service, counts: Counts
) -> None:
    expire_access_token(client, service)
    barrier = threading.Barrier(8)

    def get_profile(_: int) -> int:
        barrier.wait()
        status: int = client.get(PROFILE).status_code
        return status

    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(get_profile, range(8))] == [200] * 8
    assert counts.outcome("refresh", "success") == 1


def test_client_survives_restart_of_service(example: Any, tmp_path: Path, email: str) -> None:
    options = {
        "STORE_URL": f"file://{tmp_path}/accounts.jsonl",
        "ROTATE_REFRESH_TOKENS": "true",
        "REFRESH_REUSE_GRACE_SECONDS": "0",
    }
    with run_service(tmp_path, **options) as service:
        client = build_client(example, service, email)
    with run_service(tmp_path, port=str(service.port), **options) as service:
        expire_access_token(client, service)
        assert client.get(PROFILE).json()["email"] == email


def test_body_is_sent_again_after_refresh(client: Any, service: Service) -> None:
    expire_access_token(client, service)
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    response = client.request("POST", "/api/v1/auth/password", json=change)
    assert response.status_code == 200


def test_logout_revokes_session_on_server(example: Any, client: Any, service: Service) -> None:
    access_token = client._session["access_token"]
    client.logout()
    assert service.profile(access_token).json()["code"] == "token_revoked"
    with pytest.raises(example.SessionEnded, match="not_authenticated"):
        client.get(PROFILE)


def test_revoked_session_raises_session_ended(example: Any, client: Any, service: Service) -> None:
    service.post("auth/logout", {"refresh_token": client._session["refresh_token"]})
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "token_revoked"


def test_stolen_refresh_token_raises_session_ended(
    example: Any, client: Any, service: Service
) -> None:
    stolen = {"refresh_token": client._session["refresh_token"]}
    assert service.post("auth/refresh", stolen).status == 200
    expire_access_token(client, service)
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "token_reused"
