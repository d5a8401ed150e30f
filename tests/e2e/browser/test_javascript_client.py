"""docs/examples/client.js on a page of another origin."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.support.api import PASSWORD
from tests.support.http import NEW_PASSWORD
from tests.support.processes import Service, run_service
from tests.support.valkey import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

SHORT_LIVED = {
    "ACCESS_TOKEN_EXPIRE_MINUTES": "0.05",
    # No grace period: a refresh token that is sent twice ends its session.
    "ROTATE_REFRESH_TOKENS": "true",
    "REFRESH_REUSE_GRACE_SECONDS": "0",
}

# The storage of client.js' own comment.
USE_STORAGE = """
client = new AuthClient(api, {
  storage: {
    load: () => JSON.parse(sessionStorage.getItem("tokens")),
    save: (tokens) => sessionStorage.setItem("tokens", JSON.stringify(tokens)),
  },
})"""


@pytest.fixture(scope="session")
def service(front_end: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose access tokens live for three seconds."""
    folder: Path = tmp_path_factory.mktemp("short-lived")
    with run_service(folder, CORS_ORIGINS=front_end, **SHORT_LIVED) as service:
        yield service


class Tab:
    """A page with its own client, logged in."""

    def __init__(self, page: "Page", front_end: str, service: Service, email: str) -> None:
        self.page = page
        self.service = service
        page.goto(f"{front_end}/?api=http://localhost:{service.port}")
        page.locator("[data-ready]").wait_for(state="attached")
        page.evaluate("credentials => client.login(...credentials)", [email, PASSWORD])

    @property
    def answers(self) -> list[dict[str, Any]]:
        """The responses that contained tokens."""
        return cast(list[dict[str, Any]], self.page.evaluate("answers"))

    @property
    def refreshes(self) -> list[str]:
        """The refresh tokens that were sent."""
        return cast(list[str], self.page.evaluate("refreshes"))

    def profile(self) -> Any:
        return self.page.evaluate("profile()")

    def wait_for_expiry(self) -> None:
        access = self.answers[-1]["access_token"]
        wait_until(lambda: "token_expired" in self.service.profile(access).body.decode())


@pytest.fixture
def tab(context: "BrowserContext", front_end: str, service: Service, account: str) -> Tab:
    return Tab(context.new_page(), front_end, service, account)


def test_expired_token_is_refreshed_once_and_rotated(tab: Tab, account: str) -> None:
    assert tab.profile()["body"]["email"] == account
    first = tab.answers[0]
    tab.wait_for_expiry()
    both = tab.page.evaluate("Promise.all([profile(), profile()])")
    assert [answer["status"] for answer in both] == [200, 200]
    assert tab.refreshes == [first["refresh_token"]]
    second = tab.answers[-1]
    assert second["refresh_token"] != first["refresh_token"]
    tab.wait_for_expiry()
    assert tab.profile()["status"] == 200
    assert tab.refreshes[-1] == second["refresh_token"]


def test_two_tabs_work_independently(
    context: "BrowserContext", front_end: str, service: Service, account: str
) -> None:
    tabs = [Tab(context.new_page(), front_end, service, account) for _ in range(2)]
    for tab in tabs:
        tab.wait_for_expiry()
    assert [tab.profile()["status"] for tab in tabs] == [200, 200]


def test_request_after_logout_raises_session_ended(tab: Tab, service: Service) -> None:
    access = tab.answers[0]["access_token"]
    tab.page.evaluate("client.logout()")
    assert tab.profile() == {
        "error": "SessionEnded",
        "code": "not_authenticated",
        "message": "Not logged in.",
        "errors": {},
        "requestId": None,
        "known": True,
        "ended": True,
    }
    assert service.profile(access).json()["code"] in {"token_revoked", "token_expired"}


def test_revoked_session_raises_session_ended(tab: Tab, service: Service) -> None:
    service.post("auth/logout", {"refresh_token": tab.answers[0]["refresh_token"]})
    assert tab.profile()["code"] == "token_revoked"
    assert tab.profile()["code"] == "not_authenticated"


def test_failed_refresh_ends_all_pending_requests(tab: Tab, service: Service) -> None:
    tab.wait_for_expiry()
    service.post("auth/logout", {"refresh_token": tab.answers[0]["refresh_token"]})
    both = tab.page.evaluate("Promise.all([profile(), profile()])")
    assert {(outcome["error"], outcome["code"]) for outcome in both} == {
        ("SessionEnded", "token_revoked")
    }
    assert len(tab.refreshes) == 1


def test_login_wrong_password_raises_api_error(tab: Tab, account: str) -> None:
    outcome = tab.page.evaluate(
        "email => { window.client = new AuthClient(api);"
        " return outcome(client.login(email, 'a wrong password')) }",
        account,
    )
    assert (outcome["error"], outcome["code"], outcome["ended"]) == (
        "ApiError",
        "invalid_credentials",
        False,
    )
    assert tab.profile()["code"] == "not_authenticated"


def test_other_error_response_is_returned(tab: Tab) -> None:
    outcome = tab.page.evaluate(
        "outcome(client.fetch('/api/v1/auth/password', {method: 'POST', body: '{}',"
        " headers: {'Content-Type': 'application/json'}}))"
    )
    assert (outcome["status"], outcome["body"]["code"]) == (422, "unprocessable")


@pytest.mark.parametrize(
    "path", ["//localhost:1/x", "/\\localhost:1/x", "/\t/localhost:1/x", "@localhost:1/x"]
)
def test_path_cannot_send_token_to_another_origin(tab: Tab, path: str) -> None:
    outcome = tab.page.evaluate("path => outcome(client.fetch(path))", path)
    assert (outcome["status"], outcome["body"]["code"]) == (404, "not_found")


def test_error_has_fields_and_request_id(tab: Tab, account: str) -> None:
    outcome = tab.page.evaluate("email => outcome(client.register(email, 'short'))", account)
    assert outcome["errors"]["email"][0]["code"] == "duplicate_email"
    assert outcome["requestId"] in tab.service.log


def test_new_password_keeps_page_logged_in(tab: Tab) -> None:
    passwords = [PASSWORD, NEW_PASSWORD]
    tab.page.evaluate("passwords => client.changePassword(...passwords)", passwords)
    assert tab.profile()["status"] == 200


def test_stored_session_continues_after_reload(tab: Tab, account: str) -> None:
    tab.page.evaluate(f"{USE_STORAGE}; client.login('{account}', '{PASSWORD}')")
    tab.page.reload()
    tab.page.locator("[data-ready]").wait_for(state="attached")
    assert tab.page.evaluate(f"{USE_STORAGE}; client.restore()")
    assert tab.profile()["body"]["email"] == account


@pytest.mark.parametrize("body", ["null", "<html>", "[]", "401"])
def test_401_without_code_raises_session_ended(tab: Tab, body: str) -> None:
    tab.page.route("**/profile", lambda route: route.fulfill(status=401, body=body))
    outcome = tab.profile()
    assert (outcome["error"], outcome["ended"]) == ("SessionEnded", True)
