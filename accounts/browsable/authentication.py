"""Authentication by the browsable API's cookies, with CSRF protection."""

from contextlib import suppress
from urllib.parse import urlsplit

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts.backends import AuthenticatedUser
from accounts.browsable.cookies import ACCESS_COOKIE, COOKIE_AUTHENTICATED, COOKIE_INVALID
from accounts.domain.claims import Claims
from accounts.domain.errors import TokenError
from accounts.services import get_services


class CSRFFailed(PermissionDenied):
    default_code = "csrf_failed"
    default_detail = "The form has expired. Send it again."


class CrossOriginForm(CSRFFailed):
    """No page of this service sent it: nothing says "again", and nothing of it is repeated.

    Otherwise the attacker's form would come back with a fresh CSRF token, to be sent by one click.
    """

    default_detail = "This form was not sent from this site."


class CookieAuthentication(BaseAuthentication):
    """The cookie's user, if no `Authorization` header was sent and Django's CSRF check passes."""

    def authenticate(self, request: Request) -> tuple[AuthenticatedUser, Claims] | None:
        if "HTTP_AUTHORIZATION" in request.META:
            return None
        found = get_cookie_user(request)
        if found is not None:
            enforce_csrf(request)
            request.META[COOKIE_AUTHENTICATED] = True
        return found


def enforce_csrf(request: Request) -> None:
    """Let Django judge the CSRF token and the origin. Raises `CSRFFailed` or `CrossOriginForm`."""
    check = CSRFCheck(lambda request: None)  # type: ignore[arg-type]  # it answers nothing itself
    check.process_request(request)
    if check.process_view(request, None, (), {}):  # type: ignore[arg-type]  # as DRF does
        raise CSRFFailed if is_same_origin(request) else CrossOriginForm


def is_same_origin(request: HttpRequest | Request) -> bool:
    """Say whether a page of this service sent a request: by its `Origin`, or else its `Referer`."""
    sender = request.META.get("HTTP_ORIGIN")
    if sender is None:
        with suppress(ValueError):  # of a URL that is none
            referer = urlsplit(request.META.get("HTTP_REFERER", ""))
            sender = f"{referer.scheme}://{referer.netloc}"
    return sender == f"{request.scheme}://{request.get_host()}"


def get_cookie_user(request: HttpRequest | Request) -> tuple[AuthenticatedUser, Claims] | None:
    """Return whom the cookie stands for, and its token's claims; `None` for a dead one."""
    token = request.COOKIES.get(ACCESS_COOKIE)
    if token is None:
        return None
    services = get_services()
    try:
        claims = services.tokens.verify_access(token)
        return AuthenticatedUser(services.accounts.get_user_for_claims(claims)), claims
    except TokenError:
        request.META[COOKIE_INVALID] = True
        return None
