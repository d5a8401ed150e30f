"""The browsable API in a browser, from registration to logout."""

from typing import TYPE_CHECKING

from accounts.browsable.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from tests.support.api import PASSWORD
from tests.support.browser_client import LOGIN, PROFILE
from tests.support.chromium import cookies, fill_login, log_in, shows, submit
from tests.support.http import NEW_PASSWORD
from tests.support.processes import Service

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PROTECTED = "This is protected data"
PAGES_BACK = 2
"""The front page was opened twice since: before and after the logout."""


def follow(page: "Page", path: str) -> None:
    """Click an endpoint in the list of the front page."""
    page.get_by_role("link", name="Endpoints").click()
    page.locator(f"a[href$='{path}']").click()
    page.wait_for_url(f"**{path}")


def log_out(page: "Page") -> None:
    page.get_by_role("button", name="Log out").click()
    page.locator(".navbar").get_by_role("link", name="Log in").wait_for()


def test_register_login_change_password_and_logout(page: "Page", origin: str, email: str) -> None:
    page.goto(f"{origin}/")
    follow(page, "/auth/register")
    submit(page, email=email, password=PASSWORD)
    shows(page, "HTTP 201 Created")
    log_in(page, email, PASSWORD)
    page.get_by_role("button", name="Log out").wait_for()
    follow(page, PROFILE)
    shows(page, PROTECTED)
    follow(page, "/auth/password")
    submit(page, current_password=PASSWORD, new_password=NEW_PASSWORD)
    shows(page, "HTTP 200 OK")
    follow(page, PROFILE)
    shows(page, PROTECTED)
    log_out(page)
    shows(page, "HTTP 401 Unauthorized")
    log_in(page, email, PASSWORD)
    shows(page, "No account matches this e-mail address and password.")
    fill_login(page, email, NEW_PASSWORD)
    shows(page, PROTECTED)


def test_page_after_logout_shows_nothing_protected(person: "Page", account: str) -> None:
    follow(person, PROFILE)
    shows(person, PROTECTED)
    log_out(person)
    person.wait_for_url(f"**{PROFILE}")
    shows(person, "HTTP 401 Unauthorized")
    assert account not in person.content()


def test_back_button_after_logout_shows_nothing_protected(person: "Page", account: str) -> None:
    follow(person, PROFILE)
    shows(person, PROTECTED)
    person.get_by_role("link", name="Endpoints").click()
    log_out(person)
    for _ in range(PAGES_BACK):
        if not person.url.endswith(PROFILE):
            person.go_back()
    assert person.url.endswith(PROFILE)
    shows(person, "HTTP 401 Unauthorized")
    assert account not in person.content()


def test_wrong_password_shows_error_on_login_page(
    page: "Page", context: "BrowserContext", origin: str, account: str
) -> None:
    page.goto(f"{origin}{LOGIN}?next={PROFILE}")
    fill_login(page, account, "a wrong password")
    shows(page, "No account matches this e-mail address and password.")
    assert page.get_by_label("E-mail").input_value() == account
    assert page.get_by_label("Password").input_value() == ""
    assert page.locator(":focus").get_attribute("name") == "password"
    assert not {ACCESS_COOKIE, REFRESH_COOKIE} & cookies(context).keys()
    page.goto(f"{origin}{PROFILE}")
    shows(page, "HTTP 401 Unauthorized")


def test_login_page_links_to_registration(page: "Page", origin: str) -> None:
    page.goto(f"{origin}{LOGIN}")
    page.get_by_role("link", name="Register").click()
    page.wait_for_url("**/api/v1/auth/register")


def test_invalid_form_keeps_values_but_not_password(
    page: "Page", origin: str, account: str
) -> None:
    page.goto(f"{origin}/api/v1/auth/register")
    form = page.locator("#post-object-form")
    submit(page, email="no address", password="short")
    form.get_by_text("Enter a valid e-mail address.").wait_for()
    form.get_by_text("The password must have at least 8 characters.").wait_for()
    assert form.locator("[name=email]").input_value() == "no address"
    assert form.locator("[name=password]").input_value() == ""
    submit(page, email=account, password=PASSWORD)
    form.get_by_text("A user with this e-mail address already exists.").wait_for()
    assert form.locator("[name=email]").input_value() == account


def test_raw_json_form_shows_response_page(page: "Page", origin: str, email: str) -> None:
    page.goto(f"{origin}/api/v1/auth/register")
    page.get_by_role("link", name="Raw data").click()
    content = page.get_by_role("textbox", name="Content")
    content.fill(f'{{"email": "{email}", "password": 5}}')
    button = page.locator("#post-generic-content-form").get_by_role("button", name="POST")
    button.click()
    shows(page, "HTTP 422 Unprocessable")
    content.fill(f'{{"email": "{email}", "password": "{PASSWORD}"}}')
    button.click()
    shows(page, "HTTP 201 Created")


def test_options_button_shows_response_page(page: "Page", origin: str) -> None:
    page.goto(f"{origin}/api/v1/auth/register")
    page.get_by_role("button", name="OPTIONS").click()
    shows(page, "POST, OPTIONS")
    shows(page, "HTTP 200 OK")


def test_form_from_before_login_in_other_tab_can_be_resent(
    person: "Page", context: "BrowserContext", origin: str, account: str
) -> None:
    follow(person, "/auth/password")
    other = context.new_page()
    other.goto(f"{origin}{LOGIN}")
    fill_login(other, account, PASSWORD)
    other.get_by_role("button", name="Log out").wait_for()
    submit(person, current_password=PASSWORD, new_password=NEW_PASSWORD)
    shows(person, "HTTP 403 Forbidden")
    submit(person, current_password=PASSWORD, new_password=NEW_PASSWORD)
    shows(person, "HTTP 200 OK")


def test_logout_in_one_tab_applies_to_other_tab(
    person: "Page", context: "BrowserContext", origin: str
) -> None:
    follow(person, PROFILE)
    other = context.new_page()
    other.goto(f"{origin}/")
    log_out(other)
    person.reload()
    shows(person, "HTTP 401 Unauthorized")


def test_revoked_session_shows_login_link(
    person: "Page", context: "BrowserContext", service: Service, account: str
) -> None:
    follow(person, PROFILE)
    access = cookies(context)[ACCESS_COOKIE]["value"]
    bearer = {"Authorization": f"Bearer {access}"}
    assert service.post("auth/logout-all", **bearer).status == 204
    person.reload()
    shows(person, "HTTP 401 Unauthorized")
    assert not {ACCESS_COOKIE, REFRESH_COOKIE} & cookies(context).keys()
    shows(person, "Your login has expired or was ended.")
    person.get_by_role("link", name="Log in again").click()
    fill_login(person, account, PASSWORD)
    shows(person, PROTECTED)


def test_page_with_tokens_leads_to_its_own_login(page: "Page", origin: str, account: str) -> None:
    page.goto(f"{origin}/api/v1/auth/login")
    submit(page, email=account, password=PASSWORD)
    page.get_by_role("status").get_by_role("link", name="Log in").click()
    fill_login(page, account, PASSWORD)
    page.wait_for_url(f"{origin}/")
    page.get_by_role("button", name="Log out").wait_for()
