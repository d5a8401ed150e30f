"""A client of the API, to copy. It needs `requests`; threads may share one.

client = AuthClient("http://localhost:8000")
client.login("ada@example.com", "correct horse")
client.get("/api/v1/protected/profile").json()
"""

import threading
from typing import Any

import requests


class SessionEnded(Exception):
    """Log in again. `code` says why: `token_revoked`, `token_reused`, `token_expired`, …"""

    def __init__(self, code: str) -> None:
        super().__init__(f"The session has ended: {code}.")
        self.code = code


class AuthClient:
    """Keeps a session's tokens in memory, and renews the access token when it has expired."""

    def __init__(self, base_url: str, timeout: float = 10) -> None:
        self._base_url, self._timeout = base_url, timeout
        self._access = self._refresh = ""
        self._changing = threading.Lock()

    def login(self, email: str, password: str) -> None:
        """Begin a session. Raises `requests.HTTPError`: 401 for a wrong e-mail or password."""
        with self._changing:
            self._keep(self._post("login", email=email, password=password))

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request as the user; options as `requests` has them. Raises `SessionEnded`."""
        used = self._access
        response = self._send(method, path, used, **options)
        if response.status_code == 401 and response.json()["code"] == "token_expired":
            # The server's clock decides. What it refused it has not done: it is sent once more.
            response = self._send(method, path, self._renewed(used), **options)
        return _of_live_session(response)

    def logout(self) -> None:
        """End the session, on the server too."""
        with self._changing:
            self._post("logout", refresh_token=self._refresh).raise_for_status()
            self._access = self._refresh = ""

    def _renewed(self, used: str) -> str:
        with self._changing:
            # One thread refreshes; the others that met the same expiry find its result.
            if self._access == used:
                self._keep(_of_live_session(self._post("refresh", refresh_token=self._refresh)))
            return self._access

    def _keep(self, response: requests.Response) -> None:
        response.raise_for_status()
        tokens = response.json()
        self._access = tokens["access_token"]
        # With rotation each refresh token has a successor; without, the login's serves on.
        self._refresh = tokens.get("refresh_token", self._refresh)

    def _post(self, operation: str, **body: str) -> requests.Response:
        return self._send("POST", f"/api/v1/auth/{operation}", json=body)

    def _send(self, method: str, path: str, token: str = "", **options: Any) -> requests.Response:
        headers = {**options.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url, timeout = self._base_url + path, options.pop("timeout", self._timeout)
        # No `Session`: requests does not promise that threads may share one.
        return requests.request(method, url, headers=headers, timeout=timeout, **options)


def _of_live_session(response: requests.Response) -> requests.Response:
    if response.status_code == 401:
        raise SessionEnded(response.json()["code"])
    return response
