"""Chromium, the service, and front ends of other origins."""

from collections.abc import Iterator
from secrets import token_hex
from typing import TYPE_CHECKING

import pytest

from tests.support.api import PASSWORD
from tests.support.browser_client import LOGIN
from tests.support.chromium import ARGUMENTS, PageWatcher, fill_login, front_end_server
from tests.support.processes import Service, run_service
from tests.support.system_programs import find_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="package")
def chromium() -> Iterator["Browser"]:
    """One browser for the tests of this folder.

    Not for the session: while it is open, Playwright's event loop runs in the tests' thread, where
    Django then refuses synchronous work and no other loop may run.
    """
    playwright_api = pytest.importorskip(
        "playwright.sync_api",
        reason="playwright is not installed: pip install -r requirements-dev.txt",
    )
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program("chromium"),
            args=ARGUMENTS,
            # Keep the back-forward cache: pages with `no-store` must not enter it.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def front_end() -> Iterator[str]:
    """The origin of a front end that `CORS_ORIGINS` lists."""
    with front_end_server() as port:
        yield f"http://localhost:{port}"


@pytest.fixture(scope="session")
def foreign_port() -> Iterator[int]:
    """The port of a server that `CORS_ORIGINS` does not list."""
    with front_end_server() as port:
        yield port


@pytest.fixture(scope="session")
def service(front_end: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in development's defaults."""
    folder = tmp_path_factory.mktemp("service")
    with run_service(folder, CORS_ORIGINS=front_end) as service:
        yield service


@pytest.fixture(scope="session")
def cookie_service(front_end: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the refresh token's cookie, for front ends of its own and of another site."""
    origins = f"{front_end},{front_end.replace('localhost', '127.0.0.1')}"
    names = ("REFRESH_TOKEN_COOKIE", "ROTATE_REFRESH_TOKENS", "TRACK_SESSIONS")
    options = dict.fromkeys(names, "true")
    folder = tmp_path_factory.mktemp("cookie")
    with run_service(folder, CORS_ORIGINS=origins, **options) as service:
        yield service


@pytest.fixture
def origin(service: Service) -> str:
    return f"http://localhost:{service.port}"


@pytest.fixture
def email() -> str:
    """An address that no other test of the same service has."""
    return f"ada.{token_hex(4)}@example.com"


@pytest.fixture
def account(service: Service, email: str) -> str:
    """The address of a registered user with the password `PASSWORD`."""
    assert service.register(email).status == 201
    return email


@pytest.fixture
def context(chromium: "Browser") -> Iterator["BrowserContext"]:
    """A browser profile of the test's own."""
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def watch(context: "BrowserContext", origin: str) -> PageWatcher:
    return PageWatcher(context.new_page(), origin)


@pytest.fixture
def page(watch: PageWatcher) -> Iterator["Page"]:
    """A page of the service. Afterwards there must be no error and no request to another host."""
    yield watch.page
    assert watch.errors == []
    assert watch.other_hosts == []


@pytest.fixture
def person(page: "Page", origin: str, account: str) -> "Page":
    """A page on which `account` is logged in."""
    page.goto(f"{origin}{LOGIN}")
    fill_login(page, account, PASSWORD)
    page.get_by_role("button", name="Log out").wait_for()
    return page
