"""The forms of a project with fields of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.api import PASSWORD
from tests.support.browser_client import PROFILE
from tests.support.chromium import log_in, shows, submit
from tests.support.processes import Service, run_service

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    settings = "tests.support.profile_settings"
    with run_service(folder, DJANGO_SETTINGS_MODULE=settings) as service:
        yield service


def test_registered_field_is_changed_in_the_form(page: "Page", origin: str, email: str) -> None:
    page.goto(f"{origin}/api/v1/auth/register")
    # For DRF, an empty text is no JSON, and inputs of a nested serializer are an object.
    needed = {"anything": "1", "'address.street'": "Square 12", "'address.city'": "London"}
    submit(page, email=email, password=PASSWORD, display_name="Ada", **needed)
    shows(page, "HTTP 201 Created")
    log_in(page, email, PASSWORD)
    page.get_by_role("button", name="Log out").wait_for()
    page.goto(f"{origin}{PROFILE}")
    form = page.locator("#put-object-form")
    assert form.locator("[name=display_name]").input_value() == "Ada"
    form.locator("[name=display_name]").fill("Countess")
    form.get_by_role("button", name="PATCH").click()
    shows(page, "PATCH /api/v1/protected/profile")
    page.goto(f"{origin}{PROFILE}")
    assert form.locator("[name=display_name]").input_value() == "Countess"
