"""A client that remembers every secret that it sends or is given."""

import base64
import re
from typing import Any

from tests.support.api import JSON
from tests.support.browser_client import SocketBrowser
from tests.support.processes import Answer, Service
from tests.support.secrets import Secrets

EMAIL = "somebody@example.com"
TOKENS = ("access_token", "refresh_token")
COOKIE = re.compile(r"browsable_\w+=([^;]+)")
CSRF_FIELD = "csrfmiddlewaretoken"


class Visitor:
    def __init__(self, service: Service, secrets: Secrets) -> None:
        self.service = service
        self.secrets = secrets
        self.requests = 0

    def send(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> Answer:
        """Send a request; underscores in the names of headers are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            self.secrets.keep(token, f"Bearer {token}")
            named["Authorization"] = f"Bearer {token}"
        answer = self.service.request(method, path, body, **named)
        self.requests += 1
        self._keep(answer)
        return answer

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.send("POST", f"/api/v1/auth/{path}", body, **options)

    def raw(self, path: str, body: str, content_type: str = JSON) -> Answer:
        """Post these very characters."""
        return self.post(path, body.encode(), Content_Type=content_type)

    def profile(self, token: str | None) -> Answer:
        return self.send("GET", "/api/v1/protected/profile", token=token)

    def log_in(self, password: str, email: str = EMAIL) -> Answer:
        self.secrets.keep(password)
        return self.post("login", {"email": email, "password": password})

    def basic(self, password: str) -> Answer:
        """Send what a client that knows no Bearer would."""
        pair = base64.b64encode(f"{EMAIL}:{password}".encode()).decode()
        self.secrets.keep(password, pair)
        return self.send("GET", "/api/v1/protected/profile", Authorization=f"Basic {pair}")

    def browse(self, password: str) -> None:
        """Log in by the form, wrong and right, change nothing, log out."""
        browser = SocketBrowser(self.service.port)
        self.secrets.keep(password)
        wrong = browser.log_in(EMAIL, f"{password}, or so")
        assert wrong.status == 401
        page = browser.log_in(EMAIL, password)
        for form in [*wrong.forms(), *page.forms()]:
            self.secrets.keep(form.fields.get(CSRF_FIELD, ""))
        kept = {cookie.name: cookie.value or "" for cookie in browser.jar}
        assert {"browsable_access", "browsable_refresh", "browsable_csrf"} <= kept.keys()
        self.secrets.keep(*kept.values())
        assert EMAIL in browser.open("/api/v1/protected/profile").text
        self.secrets.keep(*(cookie.value or "" for cookie in browser.jar))
        assert browser.log_out(page).status == 200

    def _keep(self, answer: Answer) -> None:
        for header in answer.headers.get_all("Set-Cookie") or []:
            # A cookie that is to be forgotten has an empty value, in quotes.
            self.secrets.keep(*(value for value in COOKIE.findall(header) if value != '""'))
        if answer.headers.get_content_type() == JSON and answer.body:
            body = answer.json()
            self.secrets.keep(*(body[name] for name in TOKENS if name in body))
