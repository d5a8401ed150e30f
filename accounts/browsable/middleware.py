"""Updates the browsable API's cookies and sets the security headers of its pages."""

from collections.abc import Callable
from contextlib import suppress

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.browsable.authentication import authenticate_cookie
from accounts.browsable.cookies import (
    COOKIE_AUTHENTICATED,
    COOKIE_INVALID,
    delete_auth_cookies,
    set_auth_cookies,
    tokens_from_response,
)
from accounts.domain.errors import ServiceUnavailable

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For every page without its own policy. 'unsafe-inline': DRF's template has style attributes."""

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class CookieMiddleware:
    """Updates the cookies after each response, and protects HTML pages.

    - New tokens replace those in the cookies; cookies with an invalid token are deleted.
    - Over https, every cookie is `Secure`.
    - A page has a CSRF token and perhaps a user's data. It must not be framed or stored, and runs
      only this service's scripts.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if tokens := tokens_from_response(request, response):
            set_auth_cookies(response, tokens)
        elif _is_cookie_invalid(request):
            delete_auth_cookies(response)
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers["X-Frame-Options"] = "DENY"
            response.headers["Cache-Control"] = "no-store"
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


def _is_cookie_invalid(request: HttpRequest) -> bool:
    # The request itself may have ended the cookie's session, as `logout-all` does.
    if COOKIE_AUTHENTICATED in request.META and request.method == "POST":
        with suppress(ServiceUnavailable):
            authenticate_cookie(request)
    return COOKIE_INVALID in request.META
