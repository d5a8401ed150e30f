"""The pages of registration and profile with the fields of a project."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from accounts.services import get_services
from tests.support.api import EMAIL, PASSWORD
from tests.support.browser_client import ACCEPT, PROFILE, Browser, Page
from tests.support.http import FORM, Start
from tests.support.profiles import PATH

pytestmark = pytest.mark.urls("tests.support.profile_urls")

REGISTER = "/api/v1/auth/register"
ACCOUNT = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def browser(start: Start) -> Browser:
    start(PROFILE_SERIALIZER=PATH)
    return Browser()


def get_form(page: Page) -> dict[str, str]:
    """Return the fields of the form for PATCH, with their values."""
    found = re.search(r'<form [^>]*data-method="PATCH" enctype.*?</form>', page.text, re.DOTALL)
    assert found is not None
    inputs = re.findall(r"<input [^>]*>", found[0])
    return {
        re.findall(r'name="(.*?)"', one)[0]: "".join(re.findall(r'value="(.*?)"', one))
        for one in inputs
    }


def patch(browser: Browser, page: Page, **values: str) -> Page:
    """Submit the form as DRF's script does."""
    [token] = re.findall(r'"csrfToken": "(.*?)"', page.text)
    headers = {"Accept": ACCEPT, "Origin": browser.origin, "X-CSRFToken": token}
    response = browser.client.patch(PROFILE, urlencode(values), FORM, headers=headers)
    return Page(PROFILE, response.status_code, response.headers, response.content.decode())


def get_profile() -> Any:
    [user] = get_services().accounts.store.iter_users()
    return user.profile


def register_and_log_in(browser: Browser) -> Page:
    """Return the page of the profile."""
    fields = {"display_name": "Ada", "address.street": "Square 12", "address.city": "London"}
    # An empty text is no JSON.
    page = browser.fill(REGISTER, **ACCOUNT, **fields, anything="1")
    assert page.status == 201, page.text
    browser.log_in()
    return browser.open(PROFILE)


def test_registration_form_has_the_fields(browser: Browser) -> None:
    page = browser.open(REGISTER)
    fields = page.form(REGISTER).fields
    assert {"email", "password", "display_name", "address.street", "invitation"} <= fields.keys()
    assert not {"plan", "initials"} & fields.keys()
    page = browser.fill(REGISTER, **ACCOUNT, display_name="x" * 21, born="1815-12-10")
    assert page.status == 400
    assert "Ensure this field has no more than 20 characters." in page.text
    assert page.form(REGISTER).fields["born"] == "1815-12-10"


def test_profile_form_has_the_stored_values_and_changes_them(browser: Browser) -> None:
    page = register_and_log_in(browser)
    form = get_form(page)
    assert form["display_name"] == "Ada"
    assert form["address.city"] == "London"
    assert not {"plan", "initials", "email"} & form.keys()
    assert 'data-method="PUT"' not in page.text
    changed = patch(browser, page, **form | {"display_name": "Countess", "born": "1815-12-10"})
    assert changed.status == 200
    assert get_form(changed)["display_name"] == "Countess"
    assert get_profile() == {
        "display_name": "Countess",
        "born": "1815-12-10",
        "address": {"street": "Square 12", "city": "London"},
        "tags": [],
        "anything": 1,
        "nickname": None,
    }


def test_profile_form_shows_errors_at_their_fields(browser: Browser) -> None:
    page = register_and_log_in(browser)
    refused = patch(browser, page, **get_form(page) | {"display_name": "x" * 21})
    assert refused.status == 400
    assert "Ensure this field has no more than 20 characters." in refused.text
    assert get_form(refused)["display_name"] == "x" * 21
    assert get_profile()["display_name"] == "Ada"


def test_profile_page_without_login_has_no_form(browser: Browser) -> None:
    page = browser.open(PROFILE)
    assert page.status == 401
    assert "data-method" not in page.text
