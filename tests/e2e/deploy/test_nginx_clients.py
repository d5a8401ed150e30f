"""Who a client is, how often it may ask, and what is logged of it."""

import json
import ssl
import sys
import urllib.request
from contextlib import closing
from itertools import takewhile

import pytest

from tests.support.api import EMAIL, JSON, PASSWORD
from tests.support.browser_client import LOGIN, PROFILE, SocketBrowser
from tests.support.deploy.nginx_site import FRONT_END, Site, a_client
from tests.support.processes import Service
from tests.support.valkey import eventually

STRANGER = "127.0.0.2"
"""An address that is no load balancer's."""
GUESSES = 11
"""One, and a burst of ten."""


def statuses(site: Site, path: str, clients: list[str], **headers: str) -> list[int]:
    body = {"refresh_token": "x"}  # refused by every endpoint, before it costs a hash
    with closing(site.connection()) as over:
        return [
            site.post(path, body, client=client, over=over, **headers).status for client in clients
        ]


@pytest.mark.parametrize("path", ["auth/login", "auth/register", "auth/password", "auth//login"])
def test_whoever_guesses_is_stopped(site: Site, path: str) -> None:
    found = statuses(site, path, [a_client()] * (GUESSES + 1))
    assert 429 not in found[:GUESSES]
    assert found[GUESSES] == 429


def test_the_guesses_at_all_doors_are_counted_together(site: Site) -> None:
    client = a_client()
    statuses(site, "auth/login", [client] * GUESSES)
    form = site.request("POST", LOGIN, b"email=a", client=client)
    assert (form.status, *statuses(site, "auth/register", [client])) == (429, 429)


def test_a_refresh_has_a_limit_of_its_own(site: Site) -> None:
    client = a_client()
    found = statuses(site, "auth/refresh", [client] * 40)
    assert found[:31] == [401] * 31
    assert 429 in found
    assert statuses(site, "auth/login", [client]) == [422]


def test_everything_else_has_a_wide_limit(site: Site) -> None:
    client = a_client()
    with closing(site.connection()) as over:
        asked = (site.request("GET", "/health", client=client, over=over) for _ in range(2000))
        passed = list(takewhile(lambda answer: answer.status == 200, asked))
    assert 101 <= len(passed) < 2000


def test_a_client_that_is_stopped_harms_no_other(site: Site) -> None:
    statuses(site, "auth/login", [a_client()] * (GUESSES + 1))
    assert site.login().status == 200


def test_too_many_requests_have_the_one_error_shape(site: Site) -> None:
    client = a_client()
    statuses(site, "auth/login", [client] * GUESSES)
    named = {"X-Request-ID": "the-one-too-many", "Origin": FRONT_END}
    answer = site.login(client=client, **named)
    assert (answer.status, answer.headers["Content-Type"]) == (429, JSON)
    assert answer.json() == {
        "detail": "Too many requests. Try again later.",
        "code": "rate_limited",
    }
    assert answer.headers["Retry-After"] == "6"
    assert answer.headers["X-Request-ID"] == "the-one-too-many"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("origin", "allowed"), [(FRONT_END, FRONT_END), ("https://evil.example", None), ("", None)]
)
def test_only_a_front_end_of_ours_may_read_it(site: Site, origin: str, allowed: str | None) -> None:
    client = a_client()
    statuses(site, "auth/login", [client] * GUESSES)
    headers = site.login(client=client, Origin=origin).headers
    assert headers["Access-Control-Allow-Origin"] == allowed
    exposed = headers["Access-Control-Expose-Headers"]
    assert exposed == ("Retry-After, X-Request-ID" if allowed else None)
    assert headers["Vary"] == "Origin"


def test_a_whole_ipv6_subnet_is_one_client(site: Site) -> None:
    subnet = [f"2001:db8:0:1::{number:x}" for number in range(1, GUESSES + 2)]
    assert statuses(site, "auth/login", subnet)[-1] == 429
    assert statuses(site, "auth/login", ["2001:db8:0:2::1"]) == [422]


@pytest.mark.skipif(sys.platform != "linux", reason="has 127.0.0.2 without being told")
def test_a_strangers_claim_to_be_somebody_else_is_not_believed(
    site: Site, service: Service
) -> None:
    claims = [a_client() for _ in range(GUESSES + 1)]
    answers = [site.login("wrong password", client=one, source=STRANGER) for one in claims]
    assert answers[-1].status == 429
    name = answers[0].headers["X-Request-ID"]
    assert site.line(name)["client"] == STRANGER
    assert access_line(service, name)["client"] == STRANGER


def test_the_load_balancers_client_is_in_both_logs(site: Site, service: Service) -> None:
    named = {"X-Request-ID": "balanced"}
    site.request("GET", "/health", client="192.0.2.1, 203.0.113.7, 127.0.0.1", **named)
    assert site.line("balanced")["client"] == "203.0.113.7"
    assert access_line(service, "balanced")["client"] == "203.0.113.7"


def access_line(service: Service, name: str) -> dict[str, str]:
    def lines() -> list[dict[str, str]]:
        found = map(json.loads, service.log.splitlines())
        return [line for line in found if "client" in line and line["request_id"] == name]

    eventually(lambda: lines() != [])
    return lines()[0]


def test_a_sane_request_id_is_the_same_everywhere(site: Site, service: Service) -> None:
    answer = site.request("GET", "/health", **{"X-Request-ID": "My.own_id-1"})
    assert answer.headers["X-Request-ID"] == "My.own_id-1"
    assert site.line("My.own_id-1")["path"] == "/health"
    assert access_line(service, "My.own_id-1")["path"] == "/health"


@pytest.mark.parametrize("name", ["", "a b", '"', "x" * 129, "\xe9"], ids=ascii)
def test_any_other_is_replaced_everywhere(site: Site, service: Service, name: str) -> None:
    made = site.request("GET", "/health", **{"X-Request-ID": name}).headers["X-Request-ID"]
    assert made.isalnum()
    assert site.line(made)["path"] == "/health"
    assert access_line(service, made)["path"] == "/health"


def test_a_line_tells_what_an_operator_asks(site: Site, service: Service) -> None:
    site.request("GET", "/nowhere?token=secret", **{"X-Request-ID": "told"})
    line = site.line("told")
    assert {name: line[name] for name in ("method", "path", "status", "upstream_status")} == {
        "method": "GET",
        "path": "/nowhere",
        "status": 404,
        "upstream_status": "404",
    }
    assert (line["tls"], line["limit"]) == ("TLSv1.3", "PASSED")
    assert line["upstream"] == f"127.0.0.1:{service.port}"


def test_a_line_has_the_request_as_it_came_where_nginx_answers(site: Site) -> None:
    site.request("POST", "/metrics?x", b"", **{"X-Request-ID": "answered-by-nginx"})
    line = site.line("answered-by-nginx")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/metrics", 404)


def test_a_person_logs_in_by_the_form_through_tls(site: Site, service: Service) -> None:
    browser = TLSBrowser(site)
    page = browser.log_in(EMAIL, PASSWORD, f"{LOGIN}?next={PROFILE}")
    assert (page.path, page.status, page.says_log_out) == (PROFILE, 200, True)
    assert {cookie.name for cookie in browser.jar if cookie.secure} == {
        "browsable_access",
        "browsable_refresh",
        "browsable_csrf",
    }
    assert access_line(service, page.headers["X-Request-ID"])["client"] == browser.address


class TLSBrowser(SocketBrowser):
    """Comes by the load balancer, over TLS."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.port)
        self.address = a_client()
        self.origin = f"https://localhost:{site.port}"
        context: ssl.SSLContext = site.tls()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar),
            urllib.request.HTTPSHandler(context=context),
        )
        self._opener.addheaders = [("X-Forwarded-For", self.address)]
