"""What the browser tests share: a page watcher, servers of other origins, clicks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.support.node import EXAMPLES
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REPORTED_STATUS = "Failed to load resource: the server responded with a status of"
POST_FORM = """([action, fields]) => {
  const form = Object.assign(document.createElement("form"), {method: "post", action});
  for (const [name, value] of Object.entries(fields))
    form.append(Object.assign(document.createElement("input"), {name, value}));
  document.body.append(form);
  form.submit();
}"""
"""Submits a form that another site sends: `evaluate(POST_FORM, [url, fields])`."""

DEFAULT_API = "http://localhost:8000"
"""The service of the examples; `?api=` replaces it in the file."""

FILES = {
    "/": (ROOT / "tests" / "support" / "front_end.html", "text/html"),
    **{
        f"/{name}": (EXAMPLES / name, media_type)
        for name, media_type in {
            "client.js": "text/javascript",
            "single-page.html": "text/html",
            "single-page.js": "text/javascript",
        }.items()
    },
}


class PageWatcher:
    """Records the errors of a page, and its requests to hosts other than `origin`."""

    def __init__(self, page: "Page", origin: str) -> None:
        self.page = page
        self.origin = origin
        self.errors: list[str] = []
        self.other_hosts: list[str] = []
        self._refused: set[str] = set()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)
        page.on("response", self._response)

    def _request(self, request: "Request") -> None:
        if not request.url.startswith((f"{self.origin}/", "data:", f"blob:{self.origin}/")):
            self.other_hosts.append(request.url)

    def _response(self, response: "Response") -> None:
        if response.request.is_navigation_request():
            self._refused.add(response.url)

    def _console(self, message: "ConsoleMessage") -> None:
        # The browser also reports the page's own status, such as 422 after an invalid form.
        own = message.text.startswith(REPORTED_STATUS) and message.location["url"] in self._refused
        if message.type in {"error", "warning"} and not own:
            self.errors.append(message.text)


class _FrontEnd(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path, media_type = FILES[url.path]
        [api] = parse_qs(url.query).get("api", [DEFAULT_API])
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.end_headers()
        self.wfile.write(path.read_bytes().replace(DEFAULT_API.encode(), api.encode()))

    def log_message(self, *args: object) -> None:
        """Log nothing."""


@contextmanager
def front_end_server() -> Iterator[int]:
    """Serve front_end.html and the examples. Yields the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _FrontEnd) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def submit(page: "Page", **values: str) -> None:
    """Fill in the HTML form of an endpoint's page, and submit it."""
    for name, value in values.items():
        page.locator(f"#post-object-form [name={name}]").fill(value)
    page.locator("#post-object-form").get_by_role("button", name="POST").click()


def log_in(page: "Page", email: str, password: str) -> None:
    """Click "Log in" in the bar, and fill in the login page."""
    page.locator(".navbar").get_by_role("link", name="Log in").click()
    fill_login(page, email, password)


def fill_login(page: "Page", email: str, password: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def shows(page: "Page", text: str) -> None:
    """Wait until the page shows a text."""
    page.get_by_text(text).first.wait_for()


def cookies(context: "BrowserContext") -> dict[str, Any]:
    return {str(cookie["name"]): cookie for cookie in context.cookies()}
