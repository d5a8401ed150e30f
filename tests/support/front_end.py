"""A front end in a browser whose refresh token is in the cookie."""

from collections.abc import Mapping
from typing import Any

from tests.support.api import EMAIL, JSON, PASSWORD, Api, build_auth_headers

NAME = "__Secure-refresh_token"
ORIGIN = "https://app.example.com"
HEADERS = {"X-Requested-With": "XMLHttpRequest", "Origin": ORIGIN}
PROGRAM_HEADERS = {"X-Requested-With": "XMLHttpRequest"}
"""Of a program: it sends no `Origin`."""


class FrontEnd(Api):
    """Sends what a front end's script sends, and keeps cookies. `headers` may be changed."""

    def __init__(self, headers: Mapping[str, str] = HEADERS) -> None:
        super().__init__()
        self.headers = headers

    def post(self, path: str, body: Any = None, *, token: str | None = None, **extra: Any) -> Any:
        headers = {**self.headers, **build_auth_headers(token)}
        content = {} if body is None else {"data": body, "content_type": JSON}
        if body is None:  # `client.post` would send an empty form
            return self.client.generic("POST", f"/api/v1/{path}", headers=headers, **extra)
        return self.client.post(f"/api/v1/{path}", **content, headers=headers, **extra)

    def log_in(self, email: str = EMAIL, password: str = PASSWORD) -> str:
        """Register and log in. Return the access token."""
        self.register(email, password)
        return str(self.login(email, password).json()["access_token"])

    def refresh_by_cookie(self) -> Any:
        return self.post("auth/refresh")

    def log_out_by_cookie(self) -> Any:
        return self.post("auth/logout")

    @property
    def cookie(self) -> Any:
        return self.client.cookies[NAME]

    @property
    def token(self) -> str:
        """The refresh token in the cookie; empty if the cookie was deleted."""
        return str(self.cookie.value)
