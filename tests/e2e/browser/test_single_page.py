"""docs/examples/single-page.html, served on a port of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.chromium import DEFAULT_API, cookies, fill_login
from tests.support.deploy.nginx_site import run_site
from tests.support.guides import read_code_blocks
from tests.support.node import EXAMPLES
from tests.support.processes import Service
from tests.support.system_programs import find_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

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


def test_single_page_of_the_same_origin_over_https(chromium: "Browser", tmp_path: Path) -> None:
    """The site of the guide: nginx serves the page, and passes `/api/` on to the service."""
    find_program("nginx")
    folder = tmp_path / "front-end"
    folder.mkdir()
    [locations] = read_code_blocks("browser-front-end.md", "nginx")
    # The distribution's nginx.conf knows the media types.
    root = f"root {folder}; types {{ text/html html; text/javascript js; }}"
    locations = locations.partition("    #")[0].replace("root /srv/front-end;", root)
    options = {"REFRESH_TOKEN_COOKIE": "true", "TRACK_SESSIONS": "true", "CORS_ORIGINS": ""}
    with run_site(tmp_path, {"    location / {\n": locations}, **options) as (site, service):
        origin = f"https://localhost:{site.port}"
        for name in ("client.js", "single-page.html", "single-page.js"):
            text = (EXAMPLES / name).read_text(encoding="utf-8")
            (folder / name).write_text(text.replace(DEFAULT_API, origin), encoding="utf-8")
        service.register()
        context = chromium.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"{origin}/single-page.html")
        fill_login(page, EMAIL, PASSWORD)
        page.get_by_role("heading", name=EMAIL).wait_for()
        page.reload()
        page.get_by_role("heading", name=EMAIL).wait_for()
        cookie = cookies(context)["__Secure-refresh_token"]
        assert (cookie["secure"], cookie["httpOnly"]) == (True, True)
        context.close()
