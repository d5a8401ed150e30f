"""Cookies and the Content Security Policy in a browser."""

from typing import TYPE_CHECKING

from accounts.browsable.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from tests.support.browser_client import LOGIN, PROFILE
from tests.support.chromium import PageWatcher, cookies

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

INLINE = (
    "document.body.append(Object.assign(document.createElement('script'), {text: 'ran = true'}))"
)


def test_cookies_are_http_only_and_same_site(person: "Page", context: "BrowserContext") -> None:
    kept = cookies(context)
    assert kept.keys() == {ACCESS_COOKIE, REFRESH_COOKIE, "browsable_csrf"}
    for cookie in kept.values():
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert person.evaluate("document.cookie") == ""


def test_inline_script_does_not_run(person: "Page", watch: PageWatcher, origin: str) -> None:
    for path in ("/", PROFILE, LOGIN):
        person.goto(f"{origin}{path}")
        person.evaluate(INLINE)
        assert person.evaluate("typeof ran") == "undefined"
        refused = [error for error in watch.errors if "script-src 'self'" in error]
        assert len(refused) == 1
        watch.errors.remove(refused[0])
