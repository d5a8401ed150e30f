"""The cookies that hold the browsable API's tokens."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from rest_framework.request import Request

from accounts.domain.service import TokenPair

ACCESS_COOKIE = "browsable_access"
REFRESH_COOKIE = "browsable_refresh"
REFRESH_PATH = "browse/"
"""The path of `urls`, after the URL prefix: only its logout needs the refresh token."""

COOKIE_AUTHENTICATED = "accounts.cookie_authenticated"
"""Key in the WSGI environ: the cookie has authenticated the request. For `CookieMiddleware`."""
COOKIE_INVALID = "accounts.cookie_invalid"
"""Key in the WSGI environ: the cookie's token is invalid. For `CookieMiddleware`."""


def tokens_from_response(
    request: HttpRequest | Request, response: HttpResponseBase
) -> TokenPair | None:
    """Return the new tokens in a response, if the cookie has authenticated its request."""
    if COOKIE_AUTHENTICATED not in request.META:
        return None
    return getattr(response, "tokens", None)


def set_auth_cookies(response: HttpResponseBase, tokens: TokenPair) -> None:
    """Set both cookies. The login ends with the access token, which is never refreshed here.

    The access token's cookie is kept until the browser closes: a page can say that it has expired.
    """
    attributes: dict[str, Any] = {"httponly": True, "samesite": "Strict"}
    root = get_script_prefix()
    response.set_cookie(ACCESS_COOKIE, tokens.access_token, path=root, **attributes)
    attributes |= {"path": root + REFRESH_PATH, "max_age": tokens.expires_in}
    response.set_cookie(REFRESH_COOKIE, tokens.refresh_token or "", **attributes)
    response.headers["Cache-Control"] = "no-store"


def delete_auth_cookies(response: HttpResponseBase) -> None:
    root = get_script_prefix()
    response.delete_cookie(ACCESS_COOKIE, path=root, samesite="Strict")
    response.delete_cookie(REFRESH_COOKIE, path=root + REFRESH_PATH, samesite="Strict")
    response.headers["Cache-Control"] = "no-store"
