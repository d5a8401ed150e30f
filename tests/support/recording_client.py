"""An HTTP client that records every secret that it sends or receives."""

import base64
import re
from typing import Any

from tests.support.api import JSON
from tests.support.browser_client import SocketBrowser
from tests.support.processes import Service, ServiceResponse
from tests.support.secrets import Secrets

EMAIL = "somebody@example.com"
TOKENS = ("access_token", "refresh_token")
COOKIE = re.compile(r"browsable_\w+=([^;]+)")
CSRF_FIELD = "csrfmiddlewaretoken"


class RecordingClient:
    """Adds secrets to `secrets`, and counts its requests."""

    def __init__(self, service: Service, secrets: Secrets, email: str = EMAIL) -> None:
        self.service = service
        self.secrets = secrets
        self.email = email
        self.requests = 0

    def send(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> ServiceResponse:
        """Send a request. Underscores in the headers' names become hyphens."""
        sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            self.secrets.add(token, f"Bearer {token}")
            sent_headers["Authorization"] = f"Bearer {token}"
        response = self.service.request(method, path, body, **sent_headers)
        self.requests += 1
        self._add_secrets_of_response(response)
        return response

    def post(self, path: str, body: Any = None, **options: Any) -> ServiceResponse:
        return self.send("POST", f"/api/v1/auth/{path}", body, **options)

    def post_text(self, path: str, body: str, content_type: str = JSON) -> ServiceResponse:
        """Post a body without encoding it as JSON."""
        return self.post(path, body.encode(), Content_Type=content_type)

    def profile(self, token: str | None) -> ServiceResponse:
        return self.send("GET", "/api/v1/protected/profile", token=token)

    def register(self, password: str) -> ServiceResponse:
        self.secrets.add(password)
        return self.post("register", {"email": self.email, "password": password})

    def log_in(self, password: str, email: str | None = None) -> ServiceResponse:
        self.secrets.add(password)
        return self.post("login", {"email": email or self.email, "password": password})

    def send_basic_auth(self, password: str) -> ServiceResponse:
        pair = base64.b64encode(f"{self.email}:{password}".encode()).decode()
        self.secrets.add(password, pair)
        return self.send("GET", "/api/v1/protected/profile", Authorization=f"Basic {pair}")

    def browse(self, password: str) -> None:
        """Log in with the form, first with a wrong password; open a page; log out."""
        browser = SocketBrowser(self.service.port)
        self.secrets.add(password)
        failed_login = browser.log_in(self.email, f"{password}, or so")
        assert failed_login.status == 401
        page = browser.log_in(self.email, password)
        for form in [*failed_login.forms(), *page.forms()]:
            self.secrets.add(form.fields.get(CSRF_FIELD, ""))
        cookies = {cookie.name: cookie.value or "" for cookie in browser.jar}
        assert {"browsable_access", "browsable_refresh", "browsable_csrf"} <= cookies.keys()
        self.secrets.add(*cookies.values())
        assert self.email in browser.open("/api/v1/protected/profile").text
        self.secrets.add(*(cookie.value or "" for cookie in browser.jar))
        assert browser.log_out(page).status == 200

    def _add_secrets_of_response(self, response: ServiceResponse) -> None:
        for header in response.headers.get_all("Set-Cookie") or []:
            # A deleted cookie has an empty value, in quotes.
            self.secrets.add(*(value for value in COOKIE.findall(header) if value != '""'))
        if response.headers.get_content_type() == JSON and response.body:
            body = response.json()
            self.secrets.add(*(body[name] for name in TOKENS if name in body))
