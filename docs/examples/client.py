"""A client of the API, to copy. It needs `requests`; threads may share one.

client = AuthClient("http://127.0.0.1:8000")
client.login("ada@example.com", "correct horse battery")
client.get("/api/v1/protected/profile").json()

A client is one user's session. A server creates one for each user.
"""

import threading
from collections.abc import Callable
from typing import Any, Protocol

import requests

AUTH = "/api/v1/auth"
NOT_LOGGED_IN = {"detail": "Not logged in.", "code": "not_authenticated"}

Tokens = dict[str, Any]


class ApiError(Exception):
    """An error response. `errors` has the errors of each field; the service logs `request_id`."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail") or f"HTTP {status}")
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.errors: dict[str, list[dict[str, str]]] = problem.get("errors", {})
        self.request_id: str | None = problem.get("request_id")


class SessionEnded(ApiError):
    """Log in again. `code` says why: `token_revoked`, `token_reused`, `token_expired`, …"""


class Storage(Protocol):
    """Keeps the tokens of one client. `save(None)` deletes them."""

    def load(self) -> Tokens | None: ...

    def save(self, tokens: Tokens | None, /) -> None: ...


class NoStorage:
    """Keeps nothing: the tokens are in the client's memory only."""

    def load(self) -> None:
        return None

    def save(self, tokens: Tokens | None, /) -> None:
        pass


class Session:
    """The tokens since one login: a late response never changes another session."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.lock = threading.RLock()
        self.ended: SessionEnded | None = None


class AuthClient:
    """Keeps a session's tokens, and refreshes the access token when it has expired."""

    def __init__(
        self,
        base_url: str,
        *,
        storage: Storage | None = None,
        timeout: float = 10,
        send: Callable[..., requests.Response] = requests.request,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"Not an absolute URL: {base_url}")
        self._base_url, self._timeout, self._send_request = base_url.rstrip("/"), timeout, send
        self._storage = storage or NoStorage()
        self._session: Session | None = None

    def register(self, email: str, password: str) -> Any:
        """Create an account, without a session. Raises `ApiError`."""
        return _read_body(self._post("register", email=email, password=password))

    def login(self, email: str, password: str) -> None:
        """Start a session. Raises `ApiError`."""
        tokens = _read_body(self._post("login", email=email, password=password))
        self._session = Session(tokens)
        self._storage.save(tokens)

    def restore(self) -> bool:
        """Continue the stored session. Returns whether there is one."""
        tokens = self._storage.load()
        self._session = Session(tokens) if tokens else None
        return self._session is not None

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request as the user; options as `requests` has them.

        Raises `SessionEnded`, and `ApiError` if the refresh fails; other error responses are
        returned. A request may be sent twice, so a file or a generator cannot be its body.
        """
        if "files" in options or not isinstance(options.get("data"), bytes | str | dict | None):
            raise TypeError("A body may be sent twice: give json, or data of bytes, str or dict.")
        return self._send_as(self._get_session(), method, path, **options)

    def change_password(self, current_password: str, new_password: str) -> None:
        """Change the password and end all other sessions. Raises `ApiError`, `SessionEnded`."""
        session = self._get_session()
        body = {"current_password": current_password, "new_password": new_password}
        # A new password revokes the tokens of other threads' requests: these wait for the new ones.
        with session.lock:
            self._keep(session, self._send_as(session, "POST", f"{AUTH}/password", json=body))

    def logout(self) -> None:
        """End the session. The tokens are deleted even if the service cannot be reached."""
        session, self._session = self._session, None
        self._storage.save(None)
        if session:
            _read_body(self._post("logout", refresh_token=session.tokens["refresh_token"]))

    def _get_session(self) -> Session:
        if self._session is None:
            raise SessionEnded(401, NOT_LOGGED_IN)
        return self._session

    def _send_as(
        self, session: Session, method: str, path: str, **options: Any
    ) -> requests.Response:
        used = session.tokens["access_token"]
        response = self._send(method, path, used, **options)
        if response.status_code != 401:
            return response
        # The service's clock decides. What it refused it has not done: it is sent once more.
        self._refresh(session, used, response)
        return self._check(
            session, self._send(method, path, session.tokens["access_token"], **options)
        )

    def _refresh(self, session: Session, used: str, refused: requests.Response) -> None:
        # One thread at a time: with rotation, a token that is used twice can end the session.
        with session.lock:
            if session.tokens["access_token"] != used:
                return  # another thread has renewed it
            if session.ended:
                raise session.ended
            if _read_problem(refused).get("code") != "token_expired":
                self._check(session, refused)
            refresh_token = session.tokens["refresh_token"]
            response = self._post("refresh", refresh_token=refresh_token)
            self._keep(session, self._check(session, response))

    def _keep(self, session: Session, response: requests.Response) -> None:
        # Without rotation, a refresh returns no refresh token: the one of the login stays.
        session.tokens = {**session.tokens, **_read_body(response)}
        if session is self._session:
            self._storage.save(session.tokens)

    def _check(self, session: Session, response: requests.Response) -> requests.Response:
        """Return the response, unless it is 401: then the session has ended."""
        if response.status_code != 401:
            return response
        session.ended = SessionEnded(401, _read_problem(response))
        if session is self._session:
            self._session = None
            self._storage.save(None)
        raise session.ended

    def _post(self, operation: str, **body: str) -> requests.Response:
        return self._send("POST", f"{AUTH}/{operation}", json=body)

    def _send(self, method: str, path: str, token: str = "", **options: Any) -> requests.Response:
        headers = dict(options.pop("headers", None) or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # The slash ends the host's name, so that no path can send the token to another host. There
        # is no `requests.Session`, because threads cannot safely share one.
        url = f"{self._base_url}/{path.removeprefix('/')}"
        return self._send_request(
            method, url, headers=headers, **{"timeout": self._timeout, **options}
        )


def _read_body(response: requests.Response) -> Any:
    if not response.ok:
        raise ApiError(response.status_code, _read_problem(response))
    return response.json() if response.content else None


def _read_problem(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:  # a proxy's own errors are not JSON, or not an object
        body = None
    problem = body if isinstance(body, dict) else {}
    return {"request_id": response.headers.get("X-Request-ID"), **problem}
