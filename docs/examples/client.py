"""A client of the API, to copy. It needs `requests`; threads may share one.

client = AuthClient("http://localhost:8000")
client.login("ada@example.com", "correct horse battery")
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
        # Of its own for each login: what is late for one user is never sent as another.
        self._session: dict[str, str] = {}
        self._changing = threading.Lock()

    def login(self, email: str, password: str) -> None:
        """Begin a session. Raises `requests.HTTPError`: 401 for a wrong e-mail or password."""
        self._session = _body(self._post("login", email=email, password=password))

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request as the user; options as `requests` has them. Raises `SessionEnded`.

        It may be sent twice, so a file or a generator is no body: read it, and give its bytes.
        """
        if "files" in options or not isinstance(options.get("data"), bytes | str | dict | None):
            raise TypeError("A body may be sent twice: give json, or data of bytes, str or dict.")
        session = self._session
        used = session.get("access_token", "")
        response = self._send(method, path, used, **options)
        if used and _code(response) == "token_expired":
            # The server's clock decides. What it refused it has not done: it is sent once more.
            self._renew(session, used)
            response = self._send(method, path, session["access_token"], **options)
        return _of_live_session(response)

    def logout(self) -> None:
        """End the session, on the server too; its tokens are forgotten even if that fails."""
        session, self._session = self._session, {}
        with self._changing:
            self._post("logout", refresh_token=session.get("refresh_token", "")).raise_for_status()

    def _renew(self, session: dict[str, str], used: str) -> None:
        with self._changing:
            # One thread refreshes; the others that met the same expiry find its result.
            if session["access_token"] == used:
                answer = self._post("refresh", refresh_token=session["refresh_token"])
                # With rotation each refresh token has a successor; without, the login's serves on.
                session.update(_body(_of_live_session(answer)))

    def _post(self, operation: str, **body: str) -> requests.Response:
        return self._send("POST", f"/api/v1/auth/{operation}", json=body)

    def _send(self, method: str, path: str, token: str = "", **options: Any) -> requests.Response:
        timeout, given = options.pop("timeout", self._timeout), options.pop("headers", None) or {}
        headers = {**given, "Authorization": f"Bearer {token}"} if token else given
        # With a slash no path can be the rest of a host's name. No `Session`: requests does not
        # promise that threads may share one.
        url = f"{self._base_url}/{path.removeprefix('/')}"
        return requests.request(method, url, headers=headers, timeout=timeout, **options)


def _of_live_session(response: requests.Response) -> requests.Response:
    if code := _code(response):
        raise SessionEnded(code)
    return response


def _code(response: requests.Response) -> str:
    try:
        return str(response.json()["code"]) if response.status_code == 401 else ""
    except (ValueError, LookupError, TypeError):  # a proxy's own 401
        return "unknown"


def _body(response: requests.Response) -> Any:
    response.raise_for_status()
    return response.json()
