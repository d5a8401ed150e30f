"""nginx in front of the service: client addresses, rate limits, logs."""

import json
import ssl
import sys
import urllib.request
from contextlib import closing
from itertools import takewhile

import pytest

from tests.support.api import EMAIL, JSON, PASSWORD
from tests.support.browser_client import LOGIN, PROFILE, SocketBrowser
from tests.support.deploy.nginx_site import FRONT_END, Site, new_client_address
from tests.support.processes import Service
from tests.support.valkey import wait_until

pytestmark = pytest.mark.usefixtures("nginx_program")

UNTRUSTED = "127.0.0.2"
"""An address that is not the load balancer's."""
GUESSES = 11
"""One, and a burst of ten, are accepted."""


def get_statuses(site: Site, path: str, clients: list[str], **headers: str) -> list[int]:
    body = {"refresh_token": "x"}  # rejected by every endpoint before a password is hashed
    with closing(site.connection()) as over:
        return [
            site.post(path, body, client=client, over=over, **headers).status for client in clients
        ]


@pytest.mark.parametrize(
    "path", ["auth/login", "auth/register", "auth/password", "auth/delete-account", "auth//login"]
)
def test_password_guesses_are_limited(site: Site, path: str) -> None:
    found = get_statuses(site, path, [new_client_address()] * (GUESSES + 1))
    assert 429 not in found[:GUESSES]
    assert found[GUESSES] == 429


def test_guesses_at_all_endpoints_share_one_limit(site: Site) -> None:
    client = new_client_address()
    get_statuses(site, "auth/login", [client] * GUESSES)
    form = site.request("POST", LOGIN, b"email=a", client=client)
    assert (form.status, *get_statuses(site, "auth/register", [client])) == (429, 429)


def test_refresh_has_its_own_limit(site: Site) -> None:
    client = new_client_address()
    found = get_statuses(site, "auth/refresh", [client] * 40)
    assert found[:31] == [401] * 31
    assert 429 in found
    assert get_statuses(site, "auth/login", [client]) == [422]


def test_other_requests_have_a_high_limit(site: Site) -> None:
    client = new_client_address()
    with closing(site.connection()) as over:
        asked = (site.request("GET", "/health", client=client, over=over) for _ in range(2000))
        passed = list(takewhile(lambda response: response.status == 200, asked))
    assert 101 <= len(passed) < 2000


def test_limit_of_one_client_spares_others(site: Site) -> None:
    get_statuses(site, "auth/login", [new_client_address()] * (GUESSES + 1))
    assert site.login().status == 200


def test_429_has_error_shape(site: Site) -> None:
    client = new_client_address()
    get_statuses(site, "auth/login", [client] * GUESSES)
    named = {"X-Request-ID": "the-one-too-many", "Origin": FRONT_END}
    response = site.login(client=client, **named)
    assert (response.status, response.headers["Content-Type"]) == (429, JSON)
    assert response.json() == {
        "detail": "Too many requests. Try again later.",
        "code": "rate_limited",
    }
    assert response.headers["Retry-After"] == "6"
    assert response.headers["X-Request-ID"] == "the-one-too-many"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("origin", "allowed"), [(FRONT_END, FRONT_END), ("https://evil.example", None), ("", None)]
)
def test_429_can_be_read_by_listed_origin_only(
    site: Site, origin: str, allowed: str | None
) -> None:
    client = new_client_address()
    get_statuses(site, "auth/login", [client] * GUESSES)
    headers = site.login(client=client, Origin=origin).headers
    assert headers["Access-Control-Allow-Origin"] == allowed
    assert headers["Access-Control-Allow-Credentials"] == ("true" if allowed else None)
    exposed = headers["Access-Control-Expose-Headers"]
    assert exposed == ("Retry-After, X-Request-ID" if allowed else None)
    assert headers["Vary"] == "Origin"


def test_ipv6_subnet_counts_as_one_client(site: Site) -> None:
    subnet = [f"2001:db8:0:1::{number:x}" for number in range(1, GUESSES + 2)]
    assert get_statuses(site, "auth/login", subnet)[-1] == 429
    assert get_statuses(site, "auth/login", ["2001:db8:0:2::1"]) == [422]


@pytest.mark.skipif(sys.platform != "linux", reason="has 127.0.0.2 without configuration")
def test_forwarded_for_of_untrusted_client_is_ignored(site: Site, service: Service) -> None:
    claims = [new_client_address() for _ in range(GUESSES + 1)]
    responses = [site.login("wrong password", client=one, source=UNTRUSTED) for one in claims]
    assert responses[-1].status == 429
    name = responses[0].headers["X-Request-ID"]
    assert site.get_line(name)["client"] == UNTRUSTED
    assert get_access_line(service, name)["client"] == UNTRUSTED


def test_forwarded_for_of_load_balancer_is_logged(site: Site, service: Service) -> None:
    named = {"X-Request-ID": "balanced"}
    site.request("GET", "/health", client="192.0.2.1, 203.0.113.7, 127.0.0.1", **named)
    assert site.get_line("balanced")["client"] == "203.0.113.7"
    assert get_access_line(service, "balanced")["client"] == "203.0.113.7"


def get_access_line(service: Service, name: str) -> dict[str, str]:
    def lines() -> list[dict[str, str]]:
        found = map(json.loads, service.log.splitlines())
        return [line for line in found if "client" in line and line["request_id"] == name]

    wait_until(lambda: lines() != [])
    return lines()[0]


def test_valid_request_id_is_kept(site: Site, service: Service) -> None:
    response = site.request("GET", "/health", **{"X-Request-ID": "My.own_id-1"})
    assert response.headers["X-Request-ID"] == "My.own_id-1"
    assert site.get_line("My.own_id-1")["path"] == "/health"
    assert get_access_line(service, "My.own_id-1")["path"] == "/health"


@pytest.mark.parametrize("name", ["", "a b", '"', "x" * 129, "\xe9"], ids=ascii)
def test_invalid_request_id_is_replaced(site: Site, service: Service, name: str) -> None:
    made = site.request("GET", "/health", **{"X-Request-ID": name}).headers["X-Request-ID"]
    assert made.isalnum()
    assert site.get_line(made)["path"] == "/health"
    assert get_access_line(service, made)["path"] == "/health"


def test_access_line_has_fields(site: Site, service: Service) -> None:
    site.request("GET", "/nowhere?token=secret", **{"X-Request-ID": "outcome"})
    line = site.get_line("outcome")
    assert {name: line[name] for name in ("method", "path", "status", "upstream_status")} == {
        "method": "GET",
        "path": "/nowhere",
        "status": 404,
        "upstream_status": "404",
    }
    assert (line["tls"], line["limit"]) == ("TLSv1.3", "PASSED")
    assert line["upstream"] == f"127.0.0.1:{service.port}"


def test_access_line_of_nginx_error_has_original_request(site: Site) -> None:
    site.request("POST", "/metrics?x", b"", **{"X-Request-ID": "answered-by-nginx"})
    line = site.get_line("answered-by-nginx")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/metrics", 404)


def test_browser_login_over_tls_sets_secure_cookies(site: Site, service: Service) -> None:
    browser = TLSBrowser(site)
    page = browser.log_in(EMAIL, PASSWORD, f"{LOGIN}?next={PROFILE}")
    assert (page.path, page.status, page.has_logout_form) == (PROFILE, 200, True)
    assert {cookie.name for cookie in browser.jar if cookie.secure} == {
        "browsable_access",
        "browsable_refresh",
        "browsable_csrf",
    }
    assert get_access_line(service, page.headers["X-Request-ID"])["client"] == browser.address


class TLSBrowser(SocketBrowser):
    """A browser behind the load balancer, over TLS."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.port)
        self.address = new_client_address()
        self.origin = f"https://localhost:{site.port}"
        context: ssl.SSLContext = site.tls()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar),
            urllib.request.HTTPSHandler(context=context),
        )
        self._opener.addheaders = [("X-Forwarded-For", self.address)]
