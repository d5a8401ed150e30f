"""Swagger UI and ReDoc in a browser."""

from typing import TYPE_CHECKING

from tests.support.api import PASSWORD
from tests.support.browser_client import PROFILE
from tests.support.chromium import PageWatcher
from tests.support.processes import Service

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
"""ReDoc loads it without an option to prevent that; the page's policy blocks it."""


def authorize(page: "Page", token: str) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".modal-ux")
    dialog.get_by_role("textbox").fill(token)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").first.click()


def open_operation(page: "Page", path: str) -> "Locator":
    operation = page.locator(".opblock", has_text=path)
    operation.locator(".opblock-summary-control").click()
    return operation


def execute(operation: "Locator") -> "Locator":
    """Return the element that shows the response."""
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    return operation.locator(".live-responses-table .response")


def test_swagger_ui_keeps_token_after_reload(
    page: "Page", service: Service, origin: str, account: str
) -> None:
    token = service.login(account).json()["access_token"]
    page.goto(f"{origin}/docs")
    authorize(page, token)
    operation = open_operation(page, PROFILE)
    for reloaded in (False, True):
        if reloaded:
            page.reload()  # the operation is in the address: it opens by itself
        answer = execute(operation)
        answer.locator(".response-col_description").get_by_text(account).first.wait_for()
        assert answer.locator(".response-col_status").inner_text().strip() == "200"


def test_redoc_shows_api_without_other_hosts(page: "Page", watch: PageWatcher, origin: str) -> None:
    with page.expect_event("requestfailed", lambda request: request.url == LOGO) as stopped:
        page.goto(f"{origin}/redoc")
    assert stopped.value.failure == "csp"
    page.get_by_role("heading", name="Change the password").first.wait_for()
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search...")).first.wait_for()
    assert watch.other_hosts == [LOGO]
    assert len(watch.errors) == 1
    assert LOGO in watch.errors[0]
    watch.other_hosts.clear()
    watch.errors.clear()


def test_swagger_ui_sends_login(page: "Page", origin: str, account: str) -> None:
    page.goto(f"{origin}/docs")
    operation = open_operation(page, "/api/v1/auth/login")
    operation.get_by_role("button", name="Try it out").click()
    body = f'{{"email": "{account}", "password": "{PASSWORD}"}}'
    operation.get_by_role("textbox").fill(body)
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    answer.get_by_text("refresh_token").first.wait_for()
