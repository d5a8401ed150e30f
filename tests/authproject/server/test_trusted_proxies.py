"""The client of a request behind proxies, as the middleware and as each server sees it."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from authproject.server.trusted_proxies import TrustedProxyMiddleware
from tests.support.processes import Service, run_python, run_service
from tests.support.valkey import wait_until

PROXY = "10.0.0.1"
CLIENT = "203.0.113.7"
See = Callable[..., HttpRequest]


@pytest.fixture
def see(settings: Settings) -> See:
    """Return the request as a view gets it, with these headers from this address."""
    settings.TRUSTED_PROXIES = ["10.0.0.0/24", "2001:db8:1::/48", "::ffff:172.16.0.1"]

    def see(address: str = PROXY, for_: str | None = None, proto: str | None = None) -> HttpRequest:
        seen: list[HttpRequest] = []

        def view(request: HttpRequest) -> HttpResponse:
            seen.append(request)
            return HttpResponse()

        named = {"X-Forwarded-For": for_, "X-Forwarded-Proto": proto}
        headers = {name: value for name, value in named.items() if value is not None}
        request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=address)
        TrustedProxyMiddleware(view)(request)
        return seen[0]

    return see


def client(request: HttpRequest) -> str:
    address: str = request.META["REMOTE_ADDR"]
    return address


def test_client_address_from_trusted_proxy_is_used(see: See) -> None:
    request = see(for_=CLIENT, proto="https")
    assert (client(request), request.is_secure()) == (CLIENT, True)


@pytest.mark.parametrize("address", ["10.0.1.1", "203.0.113.9", "2001:db8:2::1", "", "unix:", "é"])
def test_headers_of_other_clients_are_ignored(see: See, address: str) -> None:
    request = see(address, for_=CLIENT, proto="https")
    assert (client(request), request.is_secure()) == (address, False)


@pytest.mark.parametrize(
    "proxy",
    [
        "::ffff:10.0.0.1",  # on a dual-stack socket
        "::ffff:a00:1",
        "2001:db8:1::99",
        "2001:DB8:1:0::99%eth0",
        "172.16.0.1",
    ],
)
def test_proxy_address_matches_in_any_notation(see: See, proxy: str) -> None:
    assert client(see(proxy, for_=CLIENT)) == CLIENT


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        (f"{CLIENT}, 10.0.0.2", CLIENT),
        (f"{CLIENT},10.0.0.2,10.0.0.3", CLIENT),
        ("198.51.100.1, 203.0.113.7", CLIENT),  # the client itself sent what is left of it
        ("127.0.0.1, 10.0.0.9, 203.0.113.7, 10.0.0.2", CLIENT),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),  # a request of a proxy itself
        (f"<script>, {CLIENT}", CLIENT),
        ("<script>, 10.0.0.2", "10.0.0.2"),
    ],
)
def test_client_is_rightmost_untrusted_address(see: See, hops: str, expected: str) -> None:
    assert client(see(for_=hops)) == expected


@pytest.mark.parametrize(
    "hops",
    [
        "",
        " ",
        "," * 10_240,
        "unknown",
        "_hidden",
        "localhost",
        "203.0.113",
        "203.0.113.7.7",
        "203.0.113.256",
        "0203.0.113.7",
        "203.0.113.7/32",
        "203.0.113.7:http",
        "203.0.113.7:",
        "2130706433",
        "0x7f000001",
        "[2001:db8::7",
        "[]",
        "[[2001:db8::7]]",
        "2001:db8::7]:80",
        "2001:db8:::7",
        "%eth0",
        "\u0663.1.1.1",
        "\xff\xfe",
        "é" * 3000,
        "203.0.113.7 " + "x" * 9000,
        "203.0.113.7\x00",
        "203.0.113.7\x0b",
        '"203.0.113.7"',
        "for=203.0.113.7",
        f"{CLIENT}, ",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_malformed_forwarded_for_falls_back_to_proxy(see: See, hops: str) -> None:
    assert client(see(for_=hops)) == PROXY


def test_without_headers_proxy_is_the_client(see: See) -> None:
    request = see()
    assert (client(request), request.is_secure()) == (PROXY, False)


@pytest.mark.parametrize(
    ("hop", "expected"),
    [
        ("203.0.113.7:51000", CLIENT),
        ("\t203.0.113.7 ", CLIENT),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:0DB8:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:51000", "2001:db8::7"),
        ("fe80::7%eth0", "fe80::7"),
        ("[fe80::7%25eth0]:51000", "fe80::7"),
        ("fe80::7%\n ERROR forged", "fe80::7"),
        ("::ffff:203.0.113.7", CLIENT),
        ("[::ffff:203.0.113.7]:51000", CLIENT),
    ],
    ids=ascii,
)
def test_brackets_ports_and_zones_are_removed(see: See, hop: str, expected: str) -> None:
    assert client(see(for_=hop)) == expected


@pytest.mark.parametrize("proto", ["https", "HTTPS"])
def test_scheme_from_trusted_proxy_is_used(see: See, proto: str) -> None:
    assert see(proto=proto).is_secure()


@pytest.mark.parametrize(
    "proto",
    ["http", "", "https, http", "https,https", "http,https", "httpss", "on", "1", "\xff", "wss"],
    ids=ascii,
)
def test_other_scheme_is_not_secure(see: See, proto: str) -> None:
    assert not see(proto=proto).is_secure()


def test_http_scheme_from_https_proxy_is_used(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [PROXY]
    request = RequestFactory().get(
        "/", headers={"X-Forwarded-Proto": "http"}, REMOTE_ADDR=PROXY, secure=True
    )
    TrustedProxyMiddleware(lambda request: HttpResponse())(request)
    assert not request.is_secure()


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
    assert get_logged_client(service, f"X-Forwarded-For: {CLIENT}".encode()) == CLIENT


def test_repeated_headers_are_joined(service: Service) -> None:
    headers = (b"X-Forwarded-For: 198.51.100.1", f"X-Forwarded-For: {CLIENT}".encode())
    assert get_logged_client(service, *headers) == CLIENT


def test_non_ascii_forwarded_for_is_ignored(service: Service) -> None:
    assert get_logged_client(service, b"X-Forwarded-For: \xe2\x82\xac") == "127.0.0.1"


@pytest.mark.skipif(sys.platform != "linux", reason="has 127.0.0.2 without configuration")
def test_forwarded_for_from_other_address_is_ignored(service: Service) -> None:
    found = get_logged_client(service, f"X-Forwarded-For: {CLIENT}".encode(), source="127.0.0.2")
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
    assert get_logged_client(both_families, f"X-Forwarded-For: {CLIENT}".encode()) == CLIENT
