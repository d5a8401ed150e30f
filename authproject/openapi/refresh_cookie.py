"""What `REFRESH_TOKEN_COOKIE` changes in the descriptions of operations."""

from accounts.refresh_cookie import HEADER_VALUE, SECURE_NAME, MissingHeader
from authproject.openapi.errors import Object
from authproject.openapi.response_serializers import AccessToken

SETTERS = {"login", "changePassword"}
USERS = {"refresh", "logout"}
ENDERS = {"logoutAll", "deleteAccount"}

SCHEME = {
    "type": "apiKey",
    "in": "cookie",
    "name": SECURE_NAME,
    "description": "The refresh token, if the body has none. At localhost without `__Secure-`.",
}
SET_COOKIE = {
    "description": "Sets, replaces or deletes the refresh token's cookie.",
    "schema": {"type": "string"},
}
HEADER = {
    "name": "X-Requested-With",
    "in": "header",
    "description": "Required, unless the body has a refresh token.",
    "schema": {"type": "string", "enum": [HEADER_VALUE]},
}


def get_cookie_errors(operation: str) -> list[Exception]:
    """Return the errors of a request with a wrong header or origin."""
    return [MissingHeader()] if operation in {"login", *USERS} else []


def get_cookie_response(operation: str) -> AccessToken | None:
    """Return the successful response of an operation that sets the cookie, if it does."""
    return AccessToken() if operation in SETTERS else None


def describe_cookie(operation: str, described: Object) -> None:
    """Change what has been `described` without the cookie."""
    if operation not in SETTERS | USERS | ENDERS:
        return
    success = next(one for status, one in described["responses"].items() if status < "300")
    success["headers"]["Set-Cookie"] = {**SET_COOKIE, "required": operation in SETTERS}
    if operation in SETTERS:
        for name in USERS:  # These links lead from a refresh token in the body.
            del success["links"][name]
    if operation in {"login", *USERS}:
        described["parameters"] = [{**HEADER, "required": operation == "login"}]
    if operation in USERS:
        described["requestBody"]["required"] = False
        described["security"] = [{"refreshCookie": []}, {}]
