"""The client of a request, with each server."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Service, run_python, run_service
from tests.support.valkey import wait_until

CLIENT = b"203.0.113.7"
COMMANDS = {
    "serve": ("manage.py", "serve", "--port", "{port}"),
    "runserver": ("manage.py", "runserver", "--noreload", "{port}"),
    "wsgi": (
        *("-m", "granian", "--interface", "wsgi", "--no-ws", "--port", "{port}"),
        "authproject.wsgi:application",
    ),
}


@pytest.fixture(scope="module", params=COMMANDS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp(request.param)
    with run_python(folder, *COMMANDS[request.param], TRUSTED_PROXIES="127.0.0.1") as service:
        yield service


def get_logged_client(
    service: Service, *headers: bytes, host: str = "127.0.0.1", source: str = ""
) -> Any:
    """Send a request with these header lines. Return `client` of its access line."""
    address = (host, service.port)
    with socket.create_connection(address, 10, (source, 0) if source else None) as connection:
        name = f"request-{connection.getsockname()[1]}".encode()
        lines = [b"GET /health HTTP/1.1", b"Host: localhost", b"Connection: close"]
        request = [*lines, b"X-Request-ID: " + name, *headers, b"", b""]
        connection.sendall(b"\r\n".join(request))
        assert b" 200 " in connection.recv(65_536)
    return _get_line(service, lambda line: line.get("request_id") == name.decode())["client"]


def _get_line(service: Service, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    def lines() -> list[dict[str, Any]]:
        texts = [text for text in service.log.splitlines() if text.startswith("{")]
        return [line for line in map(json.loads, texts) if wanted(line)]

    wait_until(lambda: lines() != [])
    return lines()[0]


def test_access_line_has_forwarded_client(service: Service) -> None:
    assert get_logged_client(service, b"X-Forwarded-For: " + CLIENT) == CLIENT.decode()


def test_repeated_headers_are_joined(service: Service) -> None:
    headers = (b"X-Forwarded-For: 198.51.100.1", b"X-Forwarded-For: " + CLIENT)
    assert get_logged_client(service, *headers) == CLIENT.decode()


def test_non_ascii_forwarded_for_is_ignored(service: Service) -> None:
    assert get_logged_client(service, b"X-Forwarded-For: \xe2\x82\xac") == "127.0.0.1"


@pytest.mark.skipif(sys.platform != "linux", reason="has 127.0.0.2 without being told")
def test_forwarded_for_from_other_address_is_ignored(service: Service) -> None:
    found = get_logged_client(service, b"X-Forwarded-For: " + CLIENT, source="127.0.0.2")
    assert found == "127.0.0.2"


def test_links_have_forwarded_scheme(service: Service) -> None:
    links = service.request("GET", "/", **{"X-Forwarded-Proto": "https"}).json()
    assert {link.partition(":")[0] for link in links.values()} == {"https"}


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture
def both_families(tmp_path: Path) -> Iterator[Service]:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with run_service(tmp_path, "--host", "::", TRUSTED_PROXIES="127.0.0.1") as service:
        yield service


def test_ipv6_client_is_logged_without_brackets(both_families: Service) -> None:
    assert get_logged_client(both_families, host="::1") == "::1"


def test_ipv4_proxy_is_trusted_on_dual_stack_socket(both_families: Service) -> None:
    assert get_logged_client(both_families, b"X-Forwarded-For: " + CLIENT) == CLIENT.decode()
