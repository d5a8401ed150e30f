"""The refresh token's cookie, used by docs/examples/client.js on pages of several origins.

`localhost` is same-site with the service, whatever its port; 127.0.0.1 is cross-site.
"""

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import PASSWORD
from tests.support.chromium import POST_FORM, cookies
from tests.support.http import NEW_PASSWORD, decode_claims
from tests.support.processes import Service
from tests.support.secrets import Secrets

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

NAME = "refresh_token"
EXPIRED = '{"detail": "The token has expired.", "code": "token_expired"}'

READ_STORAGES = """async () => JSON.stringify([
  document.cookie, {...localStorage}, {...sessionStorage}, await indexedDB.databases(),
])"""
# What a script of another origin can try: with the header, and without it as a form does.
FETCH = """([url, options]) => fetch(url, {method: "POST", credentials: "include", ...options})
  .then((response) => response.status, (error) => error.name)"""
WITH_HEADER = {"headers": {"X-Requested-With": "XMLHttpRequest"}}
WITHOUT_PREFLIGHT = {"mode": "no-cors"}

every_site = pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])


@pytest.fixture
def service(cookie_service: Service) -> Service:
    return cookie_service


def open_front_end(context: "BrowserContext", front_end: str, origin: str) -> "Page":
    page = context.new_page()
    page.goto(f"{front_end}/?cookie&api={origin}")
    page.locator("[data-ready]").wait_for(state="attached")
    return page


def log_in(page: "Page", email: str) -> None:
    page.evaluate("credentials => client.login(...credentials)", [email, PASSWORD])


def get_profile(page: "Page") -> Any:
    return page.evaluate("profile()")


def expire_access_token(page: "Page") -> None:
    """Let the page's next request fail, as with an expired token."""
    page.route("**/profile", lambda route: route.fulfill(status=401, body=EXPIRED), times=1)


@pytest.fixture
def page(context: "BrowserContext", front_end: str, origin: str, account: str) -> "Page":
    """A front end of the same site, on which `account` is logged in."""
    page = open_front_end(context, front_end, origin)
    log_in(page, account)
    return page


def test_session_survives_reload_without_readable_token(
    page: "Page", context: "BrowserContext", account: str
) -> None:
    cookie = cookies(context)[NAME]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (
        True,
        "Strict",
        "/api/v1/auth/",
    )
    assert "eyJ" not in page.evaluate(READ_STORAGES)
    assert "refresh_token" not in page.evaluate("answers")[0]
    page.reload()
    page.locator("[data-ready]").wait_for(state="attached")
    assert page.evaluate("client.restore()")
    assert get_profile(page)["body"]["email"] == account
    assert decode_claims(cookies(context)[NAME]["value"])["gen"] == 1
    page.evaluate("client.logout()")
    assert NAME not in cookies(context)
    assert not page.evaluate("client.restore()")
    page.evaluate("client.logout()")


def test_cookie_never_reaches_the_log(
    page: "Page", context: "BrowserContext", service: Service
) -> None:
    secrets = Secrets(cookies(context)[NAME]["value"])
    assert page.evaluate("client.restore()")
    secrets.add(cookies(context)[NAME]["value"])
    page.evaluate("client.logout()")
    assert "POST /api/v1/auth/refresh 200" in service.log
    assert secrets.find_in(service.log) == []


def test_tabs_that_refresh_at_once_share_the_session(
    page: "Page", context: "BrowserContext", front_end: str, origin: str
) -> None:
    other = open_front_end(context, front_end, origin)
    assert other.evaluate("client.restore()")
    for tab in (page, other):
        expire_access_token(tab)
        tab.evaluate("window.found = profile(), null")
    assert [tab.evaluate("found")["status"] for tab in (page, other)] == [200, 200]


def test_new_password_in_one_tab_keeps_the_other_logged_in(
    page: "Page", context: "BrowserContext", front_end: str, origin: str
) -> None:
    other = open_front_end(context, front_end, origin)
    assert other.evaluate("client.restore()")
    other.evaluate("both => client.changePassword(...both)", [PASSWORD, NEW_PASSWORD])
    assert get_profile(page)["status"] == 200


def test_other_user_in_another_tab_ends_the_session(
    page: "Page", context: "BrowserContext", front_end: str, origin: str, service: Service
) -> None:
    other = open_front_end(context, front_end, origin)
    service.register("other@example.com")
    log_in(other, "other@example.com")
    expire_access_token(page)
    assert get_profile(page)["code"] == "user_changed"
    assert get_profile(page)["code"] == "not_authenticated"


def test_logout_in_another_tab_ends_the_session(
    page: "Page", context: "BrowserContext", front_end: str, origin: str
) -> None:
    other = open_front_end(context, front_end, origin)
    assert other.evaluate("client.restore()")
    other.evaluate("client.logout()")
    assert get_profile(page)["code"] == "not_authenticated"


def test_front_end_of_another_site_keeps_no_cookie(
    context: "BrowserContext", front_end: str, origin: str, account: str
) -> None:
    page = open_front_end(context, front_end.replace("localhost", "127.0.0.1"), origin)
    log_in(page, account)
    assert get_profile(page)["status"] == 200
    assert NAME not in cookies(context)
    assert not page.evaluate("client.restore()")


@every_site
def test_foreign_script_cannot_use_the_cookie(
    page: "Page", context: "BrowserContext", foreign_port: int, origin: str, host: str
) -> None:
    token = cookies(context)[NAME]["value"]
    foreign = context.new_page()
    foreign.goto(f"http://{host}:{foreign_port}/?api={origin}")
    for endpoint in ("refresh", "logout"):
        url = f"{origin}/api/v1/auth/{endpoint}"
        assert foreign.evaluate(FETCH, [url, WITH_HEADER]) == "TypeError"
        foreign.evaluate(FETCH, [url, WITHOUT_PREFLIGHT])
    assert cookies(context)[NAME]["value"] == token
    assert get_profile(page)["status"] == 200
    assert page.evaluate("client.restore()")


@every_site
def test_foreign_form_cannot_use_or_set_the_cookie(
    *,
    page: "Page",
    context: "BrowserContext",
    service: Service,
    foreign_port: int,
    origin: str,
    host: str,
) -> None:
    token = cookies(context)[NAME]["value"]
    service.register("attacker@example.com")
    credentials = {"email": "attacker@example.com", "password": PASSWORD}
    foreign = context.new_page()
    for endpoint, fields in {"login": credentials, "refresh": {}, "logout": {}}.items():
        foreign.goto(f"http://{host}:{foreign_port}/")
        with foreign.expect_navigation():
            foreign.evaluate(POST_FORM, [f"{origin}/api/v1/auth/{endpoint}", fields])
    assert cookies(context)[NAME]["value"] == token
    assert get_profile(page)["status"] == 200
    assert page.evaluate("client.restore()")


def test_swagger_ui_can_log_in(context: "BrowserContext", origin: str, account: str) -> None:
    page = context.new_page()
    page.goto(f"{origin}/docs")
    operation = page.locator(".opblock", has_text="/api/v1/auth/login")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    body = f'{{"email": "{account}", "password": "{PASSWORD}"}}'
    operation.get_by_role("textbox").last.fill(body)
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    answer.get_by_text("access_token").first.wait_for()
    assert NAME in cookies(context)
