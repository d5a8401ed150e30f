"""The browsable API's login: tokens in cookies, and who may use them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts.backends import AuthenticatedUser
from accounts.core.claims import Claims
from accounts.core.errors import ServiceUnavailable, TokenError
from accounts.core.service import Tokens
from accounts.runtime import get_runtime

ACCESS_COOKIE = "browsable_access"
REFRESH_COOKIE = "browsable_refresh"
REFRESH_PATH = "/browse/"
"""Where `pages` is: only a logout needs the refresh token."""

# What a WSGI environ tells `CookieMiddleware` of the request's cookie.
USED = "accounts.cookie_used"
DEAD = "accounts.cookie_dead"

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Of every page that has none of its own. 'unsafe-inline': DRF's template has style attributes."""

PAIR = {"access_token", "expires_in", "refresh_token"}
"""What an answer with fresh tokens has."""

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class CSRFFailed(PermissionDenied):
    default_code = "csrf_failed"
    default_detail = "The form has expired. Send it again."


class ForeignForm(CSRFFailed):
    """No page of this service sent it: nothing says "again", and nothing of it is repeated.

    Otherwise the attacker's form would come back with a fresh CSRF token, to be sent by one click.
    """

    default_detail = "This form was not sent from this site."


class CookieAuthentication(BaseAuthentication):
    """The cookie's user, if no `Authorization` header was sent and Django's CSRF check passes."""

    def authenticate(self, request: Request) -> tuple[AuthenticatedUser, Claims] | None:
        if "HTTP_AUTHORIZATION" in request.META:
            return None
        found = holder_of(request)
        if found is not None:
            enforce_csrf(request)
            request.META[USED] = True
        return found


class CookieMiddleware:
    """Keeps the cookies in step with what was answered, and guards pages.

    Fresh tokens for a request that the cookie authenticated replace it; one that opens nothing
    any more is forgotten. What is set over https stays there. A page holds a CSRF token, and
    perhaps a user's data: nobody may frame or store it, and no script but this service's own runs
    in it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if tokens := fresh_tokens(request, response):
            keep(response, tokens)
        elif _is_dead(request):
            forget(response)
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers["X-Frame-Options"] = "DENY"
            response.headers["Cache-Control"] = "no-store"
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


def enforce_csrf(request: Request) -> None:
    """Let Django judge the CSRF token and the origin. Raises `CSRFFailed` or `ForeignForm`."""
    check = CSRFCheck(lambda request: None)  # type: ignore[arg-type]  # it answers nothing itself
    check.process_request(request)
    if check.process_view(request, None, (), {}):  # type: ignore[arg-type]  # as DRF does
        raise CSRFFailed if is_from_here(request) else ForeignForm


def is_from_here(request: HttpRequest | Request) -> bool:
    """Say whether a page of this service sent a request: by its `Origin`, or else its `Referer`."""
    sender = request.META.get("HTTP_ORIGIN")
    if sender is None:
        with suppress(ValueError):  # of a URL that is none
            referer = urlsplit(request.META.get("HTTP_REFERER", ""))
            sender = f"{referer.scheme}://{referer.netloc}"
    return sender == f"{request.scheme}://{request.get_host()}"


def holder_of(request: HttpRequest | Request) -> tuple[AuthenticatedUser, Claims] | None:
    """Return whom the cookie stands for, and its token's claims; `None` for a dead one."""
    token = request.COOKIES.get(ACCESS_COOKIE)
    if token is None:
        return None
    runtime = get_runtime()
    try:
        claims = runtime.tokens.read_access(token)
        return AuthenticatedUser(runtime.service.identify(claims)), claims
    except TokenError:
        request.META[DEAD] = True
        return None


def fresh_tokens(request: HttpRequest | Request, response: HttpResponseBase) -> Tokens | None:
    """Return the pair with which a response has replaced the tokens of the cookies, if any."""
    body = getattr(response, "data", None)
    if USED in request.META and isinstance(body, Mapping) and body.keys() >= PAIR:
        return Tokens(body["access_token"], body["expires_in"], body["refresh_token"])
    return None


def keep(response: HttpResponseBase, tokens: Tokens) -> None:
    """Set the cookies. Both go with the access token: nothing here renews it."""
    attributes: dict[str, Any] = {
        "max_age": tokens.expires_in,
        "httponly": True,
        "samesite": "Strict",
    }
    response.set_cookie(ACCESS_COOKIE, tokens.access_token, **attributes)
    response.set_cookie(REFRESH_COOKIE, tokens.refresh_token or "", path=REFRESH_PATH, **attributes)
    response.headers["Cache-Control"] = "no-store"


def forget(response: HttpResponseBase) -> None:
    """Delete the cookies."""
    response.delete_cookie(ACCESS_COOKIE, samesite="Strict")
    response.delete_cookie(REFRESH_COOKIE, path=REFRESH_PATH, samesite="Strict")
    response.headers["Cache-Control"] = "no-store"


def _is_dead(request: HttpRequest) -> bool:
    # What the cookie has just been used for may have ended its own session.
    if USED in request.META and request.method == "POST":
        with suppress(ServiceUnavailable):
            holder_of(request)
    return DEAD in request.META
