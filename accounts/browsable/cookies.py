"""The cookies that hold the browsable API's tokens."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from accounts.domain.service import TokenPair

ACCESS_COOKIE = "browsable_access"
REFRESH_COOKIE = "browsable_refresh"
REFRESH_PATH = "/browse/"
"""Where `pages` is: only a logout needs the refresh token."""

# What a WSGI environ tells `CookieMiddleware` of the request's cookie.
COOKIE_AUTHENTICATED = "accounts.cookie_used"
COOKIE_INVALID = "accounts.cookie_dead"

TOKEN_FIELDS = {"access_token", "expires_in", "refresh_token"}
"""What an answer with fresh tokens has."""


def tokens_from_response(
    request: HttpRequest | Request, response: HttpResponseBase
) -> TokenPair | None:
    """Return the pair with which a response has replaced the tokens of the cookies, if any."""
    body = getattr(response, "data", None)
    if (
        COOKIE_AUTHENTICATED in request.META
        and isinstance(body, Mapping)
        and body.keys() >= TOKEN_FIELDS
    ):
        return TokenPair(body["access_token"], body["expires_in"], body["refresh_token"])
    return None


def set_auth_cookies(response: HttpResponseBase, tokens: TokenPair) -> None:
    """Set the cookies. Both go with the access token: nothing here renews it."""
    attributes: dict[str, Any] = {
        "max_age": tokens.expires_in,
        "httponly": True,
        "samesite": "Strict",
    }
    response.set_cookie(ACCESS_COOKIE, tokens.access_token, **attributes)
    response.set_cookie(REFRESH_COOKIE, tokens.refresh_token or "", path=REFRESH_PATH, **attributes)
    response.headers["Cache-Control"] = "no-store"


def delete_auth_cookies(response: HttpResponseBase) -> None:
    """Delete the cookies."""
    response.delete_cookie(ACCESS_COOKIE, samesite="Strict")
    response.delete_cookie(REFRESH_COOKIE, path=REFRESH_PATH, samesite="Strict")
    response.headers["Cache-Control"] = "no-store"
