"""What most tests share: a clock, and a client of the API."""

from typing import Any

from django.test import Client

from accounts import testing

MovableClock = testing.MovableClock
JSON = "application/json"
EMAIL = "user@example.com"
PASSWORD = "correct horse battery"


class Api:
    """A client of the API over Django's test client: with all middleware, without a socket."""

    def __init__(self) -> None:
        self.client = Client(raise_request_exception=False)

    def post(self, path: str, body: Any = None, *, token: str | None = None, **extra: Any) -> Any:
        headers = build_auth_headers(token)
        if body is None:  # `client.post` would send an empty form
            return self.client.generic("POST", f"/api/v1/{path}", headers=headers, **extra)
        return self.client.post(f"/api/v1/{path}", body, JSON, headers=headers, **extra)

    def get(self, path: str, *, token: str | None = None, **extra: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", headers=build_auth_headers(token), **extra)

    def register(self, email: Any = EMAIL, password: Any = PASSWORD) -> Any:
        return self.post("auth/register", {"email": email, "password": password})

    def login(self, email: Any = EMAIL, password: Any = PASSWORD) -> Any:
        return self.post("auth/login", {"email": email, "password": password})

    def refresh(self, refresh_token: Any) -> Any:
        return self.post("auth/refresh", {"refresh_token": refresh_token})

    def logout(self, refresh_token: Any) -> Any:
        return self.post("auth/logout", {"refresh_token": refresh_token})

    def profile(self, access_token: str | None) -> Any:
        return self.get("protected/profile", token=access_token)

    def register_and_log_in(self, email: str = EMAIL) -> dict[str, Any]:
        """Register and log in. Return the body of the login."""
        self.register(email)
        body: dict[str, Any] = self.login(email).json()
        return body


def build_auth_headers(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def get_field_codes(response: Any) -> dict[str, list[str]]:
    """Return the error codes of a response by field."""
    return {
        name: [item["code"] for item in items] for name, items in response.json()["errors"].items()
    }
