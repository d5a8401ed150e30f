"""Another service behind nginx and behind Traefik, which ask this one about each request."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import EMAIL, JSON
from tests.support.deploy.verifying_proxies import run_other_service, run_verifying_proxy, send
from tests.support.ports import free_port
from tests.support.processes import Service, ServiceResponse, run_service

pytestmark = pytest.mark.usefixtures("nginx_program")

PROXIES = ["nginx", "traefik"]
HOSTS = {"ALLOWED_HOSTS": "localhost,127.0.0.1,auth.example.com"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory.mktemp("service"), **HOSTS) as service:
        service.register()
        yield service


@pytest.fixture(scope="module")
def without_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    store_url = f"valkey://127.0.0.1:{free_port()}"
    folder = tmp_path_factory.mktemp("without-store")
    with run_service(folder, **HOSTS, STORE_URL=store_url) as service:
        yield service


@pytest.fixture(scope="module")
def other_port() -> Iterator[int]:
    with run_other_service() as port:
        yield port


@pytest.fixture(scope="module", params=PROXIES)
def port(
    request: Any, tmp_path_factory: pytest.TempPathFactory, service: Service, other_port: int
) -> Iterator[int]:
    """The port of a proxy in front of the other service."""
    folder = tmp_path_factory.mktemp(request.param)
    with run_verifying_proxy(request.param, folder, service.port, other_port) as port:
        yield port


def get_users(response: ServiceResponse) -> list[str]:
    """Return what the other service may take for the user."""
    names = {"remote-user", "remote_user"}
    return [value for name, value in response.json()["headers"] if name.lower() in names]


@pytest.fixture
def token(service: Service) -> str:
    token: str = service.login().json()["access_token"]
    return token


def test_other_service_learns_the_user(port: int, token: str) -> None:
    response = send(port, token=token)
    assert response.status == 200
    assert get_users(response) == [EMAIL]


def test_users_own_header_is_replaced(port: int, token: str) -> None:
    headers = {"Remote-User": "root@example.com", "REMOTE-USER": "root@example.com"}
    assert get_users(send(port, token=token, **headers)) == [EMAIL]


@pytest.mark.parametrize("name", ["Remote_User", "REMOTE_USER", "remote_user"])
def test_users_own_header_with_underscore_is_dropped(port: int, token: str, name: str) -> None:
    assert get_users(send(port, token=token, **{name: "root@example.com"})) == [EMAIL]
    assert get_users(send(port, "OPTIONS", **{name: "root@example.com"})) == []


def test_non_ascii_user_arrives_percent_encoded(port: int, service: Service) -> None:
    service.register("josé@example.com")
    token = service.login("josé@example.com").json()["access_token"]
    assert get_users(send(port, token=token)) == ["jos%C3%A9@example.com"]


def test_post_arrives_with_its_body(port: int, token: str) -> None:
    headers = {"Content-Type": "image/png", "Accept": "image/png", "Content-Encoding": "gzip"}
    response = send(port, "POST", "a picture", token, **headers)
    assert response.status == 200
    assert (response.json()["method"], response.json()["body"]) == ("POST", "a picture")
    assert get_users(response) == [EMAIL]


def test_request_without_token_is_401_of_the_service(port: int) -> None:
    response = send(port, Accept="text/html", **{"Remote-User": "root@example.com"})
    assert response.status == 401
    assert response.headers["Content-Type"] == JSON
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json()["code"] == "not_authenticated"


def test_request_after_logout_is_401_of_the_service(port: int, service: Service) -> None:
    tokens = service.login().json()
    assert send(port, token=tokens["access_token"]).status == 200
    service.post("auth/logout", {"refresh_token": tokens["refresh_token"]})
    response = send(port, "POST", json.dumps({}), tokens["access_token"])
    assert response.status == 401
    assert response.json()["code"] == "token_revoked"
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_preflight_passes_without_user(port: int) -> None:
    response = send(port, "OPTIONS", **{"Remote-User": "root@example.com"})
    assert response.status == 200
    assert response.json()["method"] == "OPTIONS"
    assert get_users(response) == []


@pytest.mark.parametrize("proxy", PROXIES)
def test_store_outage_is_503_of_the_service(
    tmp_path: Path, without_store: Service, other_port: int, token: str, proxy: str
) -> None:
    with run_verifying_proxy(proxy, tmp_path, without_store.port, other_port) as port:
        response = send(port, token=token)
    assert response.status == 503
    assert response.json()["code"] == "store_unavailable"
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("proxy", "status"), [("nginx", 502), ("traefik", 500)])
def test_nothing_passes_if_the_service_is_down(
    tmp_path: Path, other_port: int, proxy: str, status: int
) -> None:
    with run_verifying_proxy(proxy, tmp_path, free_port(), other_port) as port:
        assert send(port, token="any").status == status
