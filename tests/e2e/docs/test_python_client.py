"""docs/examples/client.py against a real service."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.processes import Service, serving
from tests.support.python_client import (
    PROFILE,
    SHORT_ACCESS_TOKENS,
    STRICT_ROTATION,
    log_in,
    wait_until_expired,
)

requests = pytest.importorskip("requests", reason="pip install -r requirements-dev.txt")


def refreshes(service: Service) -> float:
    counts = service.request("GET", "/metrics").body.decode()
    found = re.findall(r'operation="refresh",outcome="success"} (\S+)', counts)
    return float(found[0]) if found else 0


def test_it_sends_the_token(example: Any, rotating_service: Service) -> None:
    assert log_in(example, rotating_service).get(PROFILE).json()["email"] == EMAIL


def test_a_wrong_password_is_an_http_error(example: Any, rotating_service: Service) -> None:
    client = log_in(example, rotating_service)
    with pytest.raises(requests.HTTPError, match="401"):
        client.login(EMAIL, "wrong horse")


def test_it_renews_what_has_expired_and_keeps_each_successor(
    example: Any, rotating_service: Service
) -> None:
    client = log_in(example, rotating_service)
    tokens = {client._session["refresh_token"]}
    for _ in range(2):
        wait_until_expired(client, rotating_service)
        assert client.get(PROFILE).status_code == 200
        tokens.add(client._session["refresh_token"])
    assert len(tokens) == 3
    assert refreshes(rotating_service) == 2


def test_without_rotation_the_first_refresh_token_serves_on(example: Any, tmp_path: Path) -> None:
    with serving(tmp_path, **SHORT_ACCESS_TOKENS) as service:
        client = log_in(example, service)
        first = client._session["refresh_token"]
        wait_until_expired(client, service)
        assert client.get(PROFILE).status_code == 200
        assert client._session["refresh_token"] == first


def test_threads_that_meet_the_same_expiry_refresh_once(example: Any, tmp_path: Path) -> None:
    kept = {**STRICT_ROTATION, "STORE_URL": f"file://{tmp_path}/accounts.jsonl"}
    with serving(tmp_path, **kept) as service:
        client = log_in(example, service)
        wait_until_expired(client, service)
    together = threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait()
        status: int = client.get(PROFILE).status_code
        return status

    # What replaces the token outlives the test, however slow the machine.
    kept["ACCESS_TOKEN_EXPIRE_MINUTES"] = "15"
    with serving(tmp_path, on=str(service.port), **kept) as service:
        with ThreadPoolExecutor(8) as threads:
            assert [*threads.map(ask, range(8))] == [200] * 8
        assert refreshes(service) == 1


def test_a_restart_of_the_server_goes_unnoticed(example: Any, tmp_path: Path) -> None:
    kept = {**STRICT_ROTATION, "STORE_URL": f"file://{tmp_path}/accounts.jsonl"}
    with serving(tmp_path, **kept) as service:
        client = log_in(example, service)
        wait_until_expired(client, service)
        assert client.get(PROFILE).status_code == 200
    with serving(tmp_path, on=str(service.port), **kept) as service:
        wait_until_expired(client, service)
        assert client.get(PROFILE).json()["email"] == EMAIL


def test_a_body_is_sent_again_with_the_fresh_token(example: Any, rotating_service: Service) -> None:
    client = log_in(example, rotating_service)
    wait_until_expired(client, rotating_service)
    change = {"current_password": PASSWORD, "new_password": "another horse, another battery"}
    answer = client.request("POST", "/api/v1/auth/password", json=change)
    assert answer.status_code == 200


def test_a_logout_ends_the_session_on_the_server(example: Any, tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        client = log_in(example, service)
        access = client._session["access_token"]
        client.logout()
        assert service.profile(access).json()["code"] == "token_revoked"
        with pytest.raises(example.SessionEnded, match="not_authenticated"):
            client.get(PROFILE)


def test_it_says_when_the_session_was_ended_elsewhere(
    example: Any, rotating_service: Service
) -> None:
    client = log_in(example, rotating_service)
    rotating_service.post("auth/logout", {"refresh_token": client._session["refresh_token"]})
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "token_revoked"


def test_it_says_when_its_refresh_token_was_stolen(example: Any, rotating_service: Service) -> None:
    client = log_in(example, rotating_service)
    stolen = {"refresh_token": client._session["refresh_token"]}
    assert rotating_service.post("auth/refresh", stolen).status == 200
    wait_until_expired(client, rotating_service)
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "token_reused"
