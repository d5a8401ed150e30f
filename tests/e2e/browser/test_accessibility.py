"""What axe-core finds on the pages, and what a password manager needs.

Swagger UI and ReDoc have findings of their own; of /docs and /redoc, only our template is checked.
"""

from typing import TYPE_CHECKING, Any

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE
from tests.support.api import PASSWORD
from tests.support.browser_client import LOGIN, LOGOUT, PROFILE
from tests.support.chromium import cookies, fill_login, shows, submit
from tests.support.http import WITH_PAGE
from tests.support.processes import Service

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

AUTH = "/api/v1/auth"
PAGES = ["/", "/nowhere", LOGIN, LOGOUT, *WITH_PAGE]
TOKEN_FORMS = [f"{AUTH}/refresh", f"{AUTH}/logout"]
AUTOCOMPLETE = {
    LOGIN: {"email": "username", "password": "current-password"},
    f"{AUTH}/register": {"email": "username", "password": "new-password"},
    f"{AUTH}/login": {"email": "username", "password": "current-password"},
    f"{AUTH}/password": {
        "current_password": "current-password",
        "new_password": "new-password",
    },
}


def find_violations(page: "Page", **options: Any) -> list[tuple[str, str]]:
    """Return the rule and the element of each violation."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.locator("body").wait_for()
    violations = axe.run(page, options=options).response["violations"]
    return [(one["id"], node["html"][:100]) for one in violations for node in one["nodes"]]


@pytest.mark.parametrize("path", PAGES)
def test_page_without_login_has_no_violation(page: "Page", origin: str, path: str) -> None:
    page.goto(f"{origin}{path}")
    assert find_violations(page) == []


def test_page_after_login_has_no_violation(person: "Page", origin: str) -> None:
    for path in PAGES:
        person.goto(f"{origin}{path}")
        assert find_violations(person) == [], path


@pytest.mark.parametrize("path", [f"{AUTH}/register", f"{AUTH}/login", *TOKEN_FORMS])
def test_form_error_has_no_violation(page: "Page", origin: str, path: str) -> None:
    page.goto(f"{origin}{path}")
    submit(page)
    page.locator(".response-info").wait_for()
    assert find_violations(page) == []


def test_raw_data_form_has_no_violation(page: "Page", origin: str) -> None:
    page.goto(f"{origin}{AUTH}/register")
    page.get_by_role("link", name="Raw data").click()
    assert find_violations(page) == []


def test_response_with_tokens_has_no_violation(page: "Page", origin: str, account: str) -> None:
    page.goto(f"{origin}{AUTH}/login")
    submit(page, email=account, password=PASSWORD)
    shows(page, "refresh_token")
    assert find_violations(page) == []


def test_page_of_ended_login_has_no_violation(
    person: "Page", service: Service, account: str, context: "BrowserContext", origin: str
) -> None:
    access = cookies(context)[ACCESS_COOKIE]["value"]
    service.post("auth/logout-all", Authorization=f"Bearer {access}")
    person.goto(f"{origin}{PROFILE}")
    shows(person, "Your login has expired or was ended.")
    assert find_violations(person) == []


def test_wrong_password_page_has_no_violation(page: "Page", origin: str, account: str) -> None:
    page.goto(f"{origin}{LOGIN}")
    fill_login(page, account, "a wrong password")
    shows(page, "No account matches")
    assert find_violations(page) == []


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_document_page_has_title_language_and_main(
    context: "BrowserContext", origin: str, path: str
) -> None:
    page = context.new_page()
    page.goto(f"{origin}{path}")
    page.locator("text=Change the password >> visible=true").first.wait_for()
    rules = ["document-title", "html-has-lang", "landmark-one-main", "meta-viewport"]
    assert find_violations(page, runOnly=rules) == []


def test_error_belongs_to_its_field(page: "Page", origin: str) -> None:
    page.goto(f"{origin}{AUTH}/register")
    submit(page, email="no address", password=PASSWORD)
    field = page.get_by_role("textbox", name="E-mail", description="Enter a valid e-mail address.")
    assert field.get_attribute("aria-invalid") == "true"
    assert page.get_by_label("Password").get_attribute("aria-invalid") is None


@pytest.mark.parametrize("path", AUTOCOMPLETE)
def test_fields_are_known_to_password_managers(person: "Page", origin: str, path: str) -> None:
    person.goto(f"{origin}{path}")
    for name, autocomplete in AUTOCOMPLETE[path].items():
        field = person.locator(f"input[name={name}]")
        assert field.get_attribute("autocomplete") == autocomplete
        assert field.get_attribute("type") == ("email" if name == "email" else "password")


def test_email_fields_take_internationalized_addresses(page: "Page", origin: str) -> None:
    email = "josé@bücher.example"
    page.goto(f"{origin}{AUTH}/register")
    submit(page, email=email, password=PASSWORD)
    shows(page, "HTTP 201")
    page.goto(f"{origin}{LOGIN}?next={PROFILE}")
    fill_login(page, email, PASSWORD)
    shows(page, "HTTP 200")
