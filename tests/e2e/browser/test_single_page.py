"""docs/examples/single-page.html, served on a port of its own."""

from typing import TYPE_CHECKING

import pytest

from tests.support.api import PASSWORD
from tests.support.chromium import cookies, fill_login
from tests.support.processes import Service

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

COOKIE = "refresh_token"
PROGRAM = {"X-Requested-With": "XMLHttpRequest", "User-Agent": "<b>another</b> device"}
READ_STORAGES = """async () => JSON.stringify([
  document.cookie, {...localStorage}, {...sessionStorage}, await indexedDB.databases(),
])"""


@pytest.fixture
def service(cookie_service: Service) -> Service:
    return cookie_service


@pytest.fixture
def page(context: "BrowserContext", front_end: str, origin: str) -> "Page":
    """The page before a login."""
    page = context.new_page()
    page.goto(f"{front_end}/single-page.html?api={origin}")
    return page


def test_single_page_lives_on_the_cookie(
    page: "Page", context: "BrowserContext", service: Service, account: str
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    fill_login(page, account, PASSWORD)
    page.get_by_role("heading", name=account).wait_for()
    assert "eyJ" not in page.evaluate(READ_STORAGES)

    body = {"email": account, "password": PASSWORD}
    other = service.post("auth/login", body, **PROGRAM).json()["access_token"]
    page.reload()
    page.get_by_role("heading", name=account).wait_for()
    row = page.locator("#sessions tr", has_text="<b>another</b> device")
    row.get_by_role("button", name="End").click()
    row.wait_for(state="detached")
    assert page.locator("#sessions").get_by_text("this session").count() == 1
    assert service.profile(other).json()["code"] == "token_revoked"
    assert "eyJ" not in page.evaluate(READ_STORAGES)

    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in").wait_for()
    assert COOKIE not in cookies(context)
    page.reload()
    page.get_by_role("button", name="Log in").wait_for()
    assert errors == []


def test_single_page_session_may_end_with_the_browser(
    page: "Page", context: "BrowserContext", account: str
) -> None:
    page.get_by_label("Keep me logged in").uncheck()
    fill_login(page, account, PASSWORD)
    page.get_by_role("heading", name=account).wait_for()
    assert cookies(context)[COOKIE]["expires"] == -1


def test_single_page_creates_an_account_and_shows_errors(page: "Page", email: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create an account").click()
    page.get_by_text("The request has unacceptable values.").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create an account").click()
    page.get_by_role("heading", name=email).wait_for()
