"""The browsable API on the screen of a phone."""

from typing import TYPE_CHECKING

import pytest

from tests.support.api import PASSWORD
from tests.support.browser_client import LOGIN, PROFILE
from tests.support.chromium import log_in, shows
from tests.support.http import WITH_PAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTHS = [360, 390, 412]
PAGES = ["/", "/nowhere", LOGIN, *WITH_PAGE]
PAST_THE_EDGES = """() => [...document.querySelectorAll("body *")].filter(element => {
  const {left, right, width} = element.getBoundingClientRect();
  const scrolls = element.closest("pre");
  return width && !scrolls && (left < -0.5 || right > innerWidth + 0.5);
}).map(element => element.outerHTML.slice(0, 100))"""


@pytest.fixture(params=["short", "long"])
def email(request: pytest.FixtureRequest, email: str) -> str:
    return email if request.param == "short" else f"{'w' * 40}{email.replace('@', '@' + 'm' * 50)}"


@pytest.fixture(params=WIDTHS)
def phone(request: pytest.FixtureRequest, person: "Page") -> "Page":
    """A page of a phone on which `account` is logged in."""
    person.set_viewport_size({"width": request.param, "height": 740})
    return person


def test_bar_covers_no_link_and_no_button(phone: "Page", origin: str, account: str) -> None:
    phone.goto(f"{origin}{PROFILE}")
    phone.get_by_role("link", name="GET", exact=True).click()
    phone.get_by_role("button", name="OPTIONS").click()
    shows(phone, "OPTIONS /api/v1/protected/profile")
    phone.get_by_role("link", name="API v1").click()
    phone.wait_for_url(f"{origin}/api/v1/")
    phone.goto(f"{origin}/api/v1/auth/logout-all")
    phone.get_by_role("button", name="POST").click()
    shows(phone, "HTTP 204")
    log_in(phone, account, PASSWORD)
    phone.get_by_role("button", name="Log out").click()
    phone.locator(".navbar").get_by_role("link", name="Log in").wait_for()


@pytest.mark.parametrize("width", [*WIDTHS, 768, 1280])
def test_no_element_is_past_the_edges(person: "Page", origin: str, width: int) -> None:
    person.set_viewport_size({"width": width, "height": 740})
    for path in PAGES:
        person.goto(f"{origin}{path}")
        assert person.evaluate(PAST_THE_EDGES) == [], path
        assert person.evaluate("document.documentElement.scrollWidth") == width, path
