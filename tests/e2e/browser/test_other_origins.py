"""Pages of other origins, listed in `CORS_ORIGINS` and not."""

from typing import TYPE_CHECKING

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE
from tests.support.api import PASSWORD
from tests.support.browser_client import LOGIN, LOGOUT, PROFILE
from tests.support.chromium import POST_FORM, cookies
from tests.support.http import NEW_PASSWORD
from tests.support.processes import Service

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

FORMS = {
    "/api/v1/auth/password": {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    "/api/v1/auth/delete-account": {"current_password": PASSWORD},
    "/api/v1/auth/logout-all": {},
    LOGOUT: {},
}

every_foreign_host = pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
"""`localhost` is same-site with the service, so cookies are sent; 127.0.0.1 is not."""


def open_page(context: "BrowserContext", front_end: str, api: str) -> "Page":
    page = context.new_page()
    page.goto(f"{front_end}/?api={api}")
    page.locator("[data-ready]").wait_for(state="attached")
    return page


def test_listed_front_end_can_log_in(
    context: "BrowserContext", front_end: str, origin: str, account: str
) -> None:
    page = open_page(context, front_end, origin)
    page.evaluate("credentials => client.login(...credentials)", [account, PASSWORD])
    assert page.evaluate("profile()")["body"]["email"] == account
    assert cookies(context) == {}


@every_foreign_host
def test_unlisted_front_end_is_blocked(
    context: "BrowserContext", foreign_port: int, origin: str, account: str, host: str
) -> None:
    page = open_page(context, f"http://{host}:{foreign_port}", origin)
    outcome = page.evaluate("email => outcome(client.login(...email))", [account, PASSWORD])
    assert (outcome["error"], outcome["message"]) == ("TypeError", "Failed to fetch")
    for mode in ("cors", "no-cors"):
        read = page.evaluate(
            "mode => fetch(`${api}/health`, {mode}).then(r => r.text()).catch(e => e.name)", mode
        )
        assert read == ("TypeError" if mode == "cors" else "")


@every_foreign_host
def test_foreign_page_cannot_read_profile_with_cookie(
    person: "Page", context: "BrowserContext", foreign_port: int, origin: str, host: str
) -> None:
    page = context.new_page()
    page.goto(f"http://{host}:{foreign_port}/?api={origin}")
    read = page.evaluate(
        "url => fetch(url, {credentials: 'include'}).then(r => r.text()).catch(e => e.name)",
        f"{origin}{PROFILE}",
    )
    assert read == "TypeError"


@every_foreign_host
def test_foreign_form_changes_nothing(
    *,
    person: "Page",
    context: "BrowserContext",
    service: Service,
    foreign_port: int,
    account: str,
    host: str,
) -> None:
    access = cookies(context)[ACCESS_COOKIE]["value"]
    foreign = context.new_page()
    for path, fields in FORMS.items():
        foreign.goto(f"http://{host}:{foreign_port}/")
        with foreign.expect_navigation() as navigation:
            foreign.evaluate(POST_FORM, [f"http://localhost:{service.port}{path}", fields])
        # 401 without the cookie; with it, or for a logout, 403 because of the origin.
        assert navigation.value.status in {401, 403}
        assert service.profile(access).status == 200
    assert service.login(account).status == 200
    person.reload()
    person.get_by_role("button", name="Log out").wait_for()


@every_foreign_host
def test_foreign_login_form_is_rejected(
    context: "BrowserContext", foreign_port: int, origin: str, account: str, host: str
) -> None:
    page = open_page(context, f"http://{host}:{foreign_port}", origin)
    fields = {"email": account, "password": PASSWORD, "csrfmiddlewaretoken": "x" * 64}
    with page.expect_navigation() as navigation:
        page.evaluate(POST_FORM, [f"{origin}{LOGIN}", fields])
    assert navigation.value.status == 403
    assert ACCESS_COOKIE not in cookies(context)
    page.get_by_text("This form was not sent from this site.").wait_for()
    assert page.get_by_label("E-mail").input_value() == ""
