"""A simple browser without JavaScript: keeps cookies, follows redirects, submits forms."""

import re
import urllib.error
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin

import pytest
from django.test import Client

from tests.support.api import EMAIL, PASSWORD, Api

LOGIN = "/browse/login"
LOGOUT = "/browse/logout"
PROFILE = "/api/v1/protected/profile"
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Form(NamedTuple):
    action: str
    method: str
    fields: dict[str, str]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            form = Form(given.get("action", ""), given.get("method", "get").lower(), {})
            self.found.append(form)
        elif tag in {"input", "textarea"} and "name" in given and self.found:
            self.found[-1].fields[given["name"]] = given.get("value", "")


class Page(NamedTuple):
    path: str
    status: int
    headers: Any
    text: str

    def forms(self) -> list[Form]:
        parser = _Forms()
        parser.feed(self.text)
        return [form for form in parser.found if form.method == "post"]

    def form(self, action: str, *fields: str) -> Form:
        """Return the form with this action and these fields."""
        for form in self.forms():
            if form.action.partition("?")[0] == action and set(fields) <= form.fields.keys():
                return form
        raise AssertionError(f"{self.path}: no form to {action}: {self.forms()}")

    @property
    def has_login_link(self) -> bool:
        link = rf"""<a href=['"]{LOGIN}(\?next=[^'"]*)?['"]>Log in</a>"""
        return re.search(link, self.text) is not None

    @property
    def has_logout_form(self) -> bool:
        return any(form.action.startswith(LOGOUT) for form in self.forms())


class Browser:
    """A browser over Django's test client, with CSRF checks."""

    origin = "http://testserver"
    """The origin of the pages that submit forms."""

    def __init__(self) -> None:
        self.client = Client(raise_request_exception=False, enforce_csrf_checks=True)

    def open(self, path: str) -> Page:
        return self._page(path, self.client.get(path, headers={"Accept": ACCEPT}))

    def send(self, path: str, fields: dict[str, str]) -> Page:
        """Post a form, and follow a redirect."""
        headers = {"Accept": ACCEPT, "Origin": self.origin}
        response = self.client.post(path, fields, headers=headers)
        if response.status_code == 302:
            return self.open(response["Location"])
        return self._page(path, response)

    def submit(self, page: Page, form: Form, **values: str) -> Page:
        return self.send(urljoin(page.path, form.action), {**form.fields, **values})

    def fill(self, path: str, **values: str) -> Page:
        """Open a page and submit the form that has these fields."""
        page = self.open(path)
        return self.submit(page, page.form(path, *values), **values)

    def log_in(self, email: str = EMAIL, password: str = PASSWORD, path: str = LOGIN) -> Page:
        page = self.open(path)
        return self.submit(page, page.form(LOGIN, "email"), email=email, password=password)

    def log_out(self, page: Page) -> Page:
        return self.submit(page, page.form(LOGOUT))

    def _page(self, path: str, response: Any) -> Page:
        return Page(path, response.status_code, response.headers, response.content.decode())


class SocketBrowser(Browser):
    """A browser over HTTP, with the standard library's cookie jar."""

    def __init__(self, port: int) -> None:
        self.jar = CookieJar()
        self.origin = f"http://localhost:{port}"
        cookies = urllib.request.HTTPCookieProcessor(self.jar)
        self._opener = urllib.request.build_opener(cookies)

    def open(self, path: str) -> Page:
        return self._ask(path, None)

    def send(self, path: str, fields: dict[str, str]) -> Page:
        return self._ask(path, urlencode(fields).encode())

    def _ask(self, path: str, body: bytes | None) -> Page:
        headers = {"Accept": ACCEPT, "Origin": self.origin} if body else {"Accept": ACCEPT}
        request = urllib.request.Request(self.origin + path, body, headers)
        try:
            answer = self._opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            path = answer.url.removeprefix(self.origin)
            return Page(path, answer.status, answer.headers, answer.read().decode())


def cookie(browser: Browser, name: str) -> Any:
    return browser.client.cookies[name]


@pytest.fixture
def browser(api: Api) -> Browser:
    """A browser, after a user was registered."""
    api.register()
    return Browser()
