"""What the tests of the HTTP contract share: bodies, failing stores, forged tokens."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from accounts.conf import conf
from accounts.domain.errors import StoreUnavailable
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.services import Services
from accounts.stores.memory import MemoryStore
from tests.support.api import EMAIL, JSON, PASSWORD, Api, build_auth_headers

Start = Callable[..., Services]

NEW_PASSWORD = "another horse, another battery"
LIMIT = 16 * 1024
FORM = "application/x-www-form-urlencoded"

BODIES: dict[str, dict[str, Any]] = {
    "auth/register": {"email": EMAIL, "password": PASSWORD},
    "auth/login": {"email": EMAIL, "password": PASSWORD},
    "auth/refresh": {"refresh_token": "no token"},
    "auth/logout": {"refresh_token": "no token"},
    "auth/password": {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    "auth/delete-account": {"current_password": PASSWORD},
}
"""A valid body for each endpoint that takes one."""

WITH_TOKEN = {"auth/password", "auth/delete-account"}
"""Endpoints of `BODIES` that need an access token."""

FIELDS = [(path, field) for path, body in BODIES.items() for field in body]

ENDPOINTS = {
    **{f"/api/v1/{path}": "POST" for path in [*BODIES, "auth/logout-all"]},
    "/api/v1/auth/verify": "GET",
    "/api/v1/protected/profile": "GET",
    "/health": "GET",
    "/health/ready": "GET",
    "/metrics": "GET",
    "/openapi.json": "GET",
    "/docs": "GET",
    "/redoc": "GET",
    "/": "GET",
    "/api/v1": "GET",
    "/api/v1/": "GET",
}
"""Each path of the service with its method, unless it has to be enabled."""

TRACKED = {
    "/api/v1/auth/sessions": "GET",
    "/api/v1/auth/sessions/{id}/revoke": "POST",
}
"""The paths that `TRACK_SESSIONS` enables."""

DOCUMENTED = {**ENDPOINTS, **TRACKED}
"""Each path in docs/openapi.json and in the examples of calls."""

WITH_PAGE = [
    path for path in ENDPOINTS if path.startswith("/api/") and path != "/api/v1/auth/verify"
]
"""Paths below /api/ that a browser sees as a page."""


def send(
    api: Api,
    path: str,
    body: bytes = b"",
    content_type: str = JSON,
    *,
    method: str = "POST",
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    **environ: Any,
) -> Any:
    """Send bytes as they are."""
    environ = {"CONTENT_TYPE": content_type, **environ}
    return api.client.generic(
        method, path, body, headers={**build_auth_headers(token), **(headers or {})}, **environ
    )


def get_error(response: Any) -> tuple[int, str]:
    """Assert that a response has the error shape. Return its status and code."""
    assert response["Content-Type"] == JSON, response["Content-Type"]
    body = response.json()
    assert set(body) - {"errors", "request_id"} == {"detail", "code"}, body
    assert isinstance(body["detail"], str)
    assert body["detail"]
    for items in body.get("errors", {}).values():
        assert items
        assert all(set(item) == {"detail", "code"} for item in items)
    return response.status_code, body["code"]


class UnreachableStore(MemoryStore):
    """A store that cannot be reached."""

    def get_user(self, email: EmailAddress) -> User | None:
        raise StoreUnavailable

    def get_user_and_session(
        self, email: EmailAddress, sid: str
    ) -> tuple[User | None, Session | None]:
        raise StoreUnavailable

    def ping(self) -> None:
        raise StoreUnavailable

    def check_writable(self) -> None:
        raise StoreUnavailable


class BuggyStore(MemoryStore):
    """A store that raises an unexpected error."""

    SECRET = "the-inside-of-the-store"

    def get_user(self, email: EmailAddress) -> User | None:
        raise RuntimeError(self.SECRET)


def sign(
    header: Mapping[str, Any] | bytes,
    payload: Mapping[str, Any] | bytes,
    *,
    key: str | None = None,
    digest: str = "sha256",
) -> str:
    """Sign any header and payload; PyJWT would reject most of them."""
    parts = [part if isinstance(part, bytes) else _json(part) for part in (header, payload)]
    content = b".".join(map(_base64, parts))
    secret: str = conf.SECRET_KEY if key is None else key
    return (content + b"." + _base64(hmac.digest(secret.encode(), content, digest))).decode()


def forge(token: str, header: Mapping[str, Any] | None = None, /, **claims: Any) -> str:
    """Sign a token again with changed header fields and claims. `...` removes one."""
    return sign(
        _changed(decode_header(token), header or {}), _changed(decode_claims(token), claims)
    )


def decode_header(token: str) -> dict[str, Any]:
    return dict(jwt.get_unverified_header(token))


def decode_claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def _changed(old: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**old, **changes}.items() if value is not ...}


def _json(part: Mapping[str, Any]) -> bytes:
    return json.dumps(part).encode()


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
