"""docs/examples/client.py against a real service."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.processes import ROOT, Service, serving
from tests.support.valkey import eventually

requests = pytest.importorskip("requests", reason="pip install -r requirements-dev.txt")

PROFILE = "/api/v1/protected/profile"
SHORT = {"ACCESS_TOKEN_EXPIRE_MINUTES": "0.04"}  # 2 seconds, so 1 at least: times are whole
STRICT = {**SHORT, "ROTATE_REFRESH_TOKENS": "true", "REFRESH_REUSE_GRACE_SECONDS": "0"}


@pytest.fixture(scope="module")
def example() -> Any:
    spec = spec_from_file_location("client", ROOT / "docs" / "examples" / "client.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service where access tokens soon expire, and a refresh token serves once."""
    with serving(tmp_path, **STRICT) as service:
        yield service


def logged_in(example: Any, service: Service) -> Any:
    service.register()
    client = example.AuthClient(f"http://127.0.0.1:{service.port}")
    client.login(EMAIL, PASSWORD)
    return client


def wait_until_expired(client: Any, service: Service) -> None:
    access = client._session["access_token"]
    eventually(lambda: service.profile(access).status == 401)
    assert service.profile(access).json()["code"] == "token_expired"


def refreshes(service: Service) -> float:
    counts = service.request("GET", "/metrics").body.decode()
    found = re.findall(r'operation="refresh",outcome="success"} (\S+)', counts)
    return float(found[0]) if found else 0


def test_it_sends_the_token(example: Any, service: Service) -> None:
    assert logged_in(example, service).get(PROFILE).json()["email"] == EMAIL


def test_a_wrong_password_is_an_http_error(example: Any, service: Service) -> None:
    client = logged_in(example, service)
    with pytest.raises(requests.HTTPError, match="401"):
        client.login(EMAIL, "wrong horse")


def test_it_renews_what_has_expired_and_keeps_each_successor(
    example: Any, service: Service
) -> None:
    client = logged_in(example, service)
    tokens = {client._session["refresh_token"]}
    for _ in range(2):
        wait_until_expired(client, service)
        assert client.get(PROFILE).status_code == 200
        tokens.add(client._session["refresh_token"])
    assert len(tokens) == 3
    assert refreshes(service) == 2


def test_without_rotation_the_first_refresh_token_serves_on(example: Any, tmp_path: Path) -> None:
    with serving(tmp_path, **SHORT) as service:
        client = logged_in(example, service)
        first = client._session["refresh_token"]
        wait_until_expired(client, service)
        assert client.get(PROFILE).status_code == 200
        assert client._session["refresh_token"] == first


def test_threads_that_meet_the_same_expiry_refresh_once(example: Any, tmp_path: Path) -> None:
    kept = {**STRICT, "STORE_URL": f"file://{tmp_path}/accounts.jsonl"}
    with serving(tmp_path, **kept) as service:
        client = logged_in(example, service)
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
    kept = {**STRICT, "STORE_URL": f"file://{tmp_path}/accounts.jsonl"}
    with serving(tmp_path, **kept) as service:
        client = logged_in(example, service)
        wait_until_expired(client, service)
        assert client.get(PROFILE).status_code == 200
    with serving(tmp_path, on=str(service.port), **kept) as service:
        wait_until_expired(client, service)
        assert client.get(PROFILE).json()["email"] == EMAIL


def test_a_body_is_sent_again_with_the_fresh_token(example: Any, service: Service) -> None:
    client = logged_in(example, service)
    wait_until_expired(client, service)
    change = {"current_password": PASSWORD, "new_password": "another horse, another battery"}
    answer = client.request("POST", "/api/v1/auth/password", json=change)
    assert answer.status_code == 200


def test_a_logout_ends_the_session_on_the_server(example: Any, tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        client = logged_in(example, service)
        access = client._session["access_token"]
        client.logout()
        assert service.profile(access).json()["code"] == "token_revoked"
        with pytest.raises(example.SessionEnded, match="not_authenticated"):
            client.get(PROFILE)


def test_it_says_when_the_session_was_ended_elsewhere(example: Any, service: Service) -> None:
    client = logged_in(example, service)
    service.post("auth/logout", {"refresh_token": client._session["refresh_token"]})
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "token_revoked"


def test_it_says_when_its_refresh_token_was_stolen(example: Any, service: Service) -> None:
    client = logged_in(example, service)
    stolen = {"refresh_token": client._session["refresh_token"]}
    assert service.post("auth/refresh", stolen).status == 200
    wait_until_expired(client, service)
    with pytest.raises(example.SessionEnded) as ended:
        client.get(PROFILE)
    assert ended.value.code == "token_reused"
