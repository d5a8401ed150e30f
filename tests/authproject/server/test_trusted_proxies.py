"""The client of a request behind proxies, and of clients that pretend to be a proxy."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from authproject.server.trusted_proxies import TrustedProxyMiddleware

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
