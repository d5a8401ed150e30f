"""Authentication by the browsable API's cookie, with CSRF protection."""

from contextlib import suppress
from urllib.parse import urlsplit

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request

from accounts.backends import AuthenticatedUser
from accounts.browsable.cookies import ACCESS_COOKIE, COOKIE_AUTHENTICATED, COOKIE_INVALID
from accounts.domain.claims import Claims
from accounts.domain.errors import TokenError
from accounts.rest.exceptions import CSRFFailed
from accounts.services import get_services


class ExpiredForm(CSRFFailed):
    default_detail = "The form has expired. Send it again."
    log_reason = "csrf_token"


class CrossOriginForm(CSRFFailed):
    """A form that another site has sent. Its page repeats no data and does not say "send again".

    Otherwise one click would send the attacker's form, now with a valid CSRF token.
    """

    default_detail = "This form was not sent from this site."
    log_reason = "origin"


class CookieAuthentication(BaseAuthentication):
    """Authenticates the cookie's user, unless there is an `Authorization` header.

    Raises `CSRFFailed` if Django's CSRF check fails.
    """

    def authenticate(self, request: Request) -> tuple[AuthenticatedUser, Claims] | None:
        if "HTTP_AUTHORIZATION" in request.META:
            return None
        identity = authenticate_cookie(request)
        if identity is not None:
            enforce_csrf(request)
            request.META[COOKIE_AUTHENTICATED] = True
        return identity


def enforce_csrf(request: Request) -> None:
    """Run Django's check of CSRF token and origin. Raises `ExpiredForm` or `CrossOriginForm`."""
    check = CSRFCheck(lambda request: None)  # type: ignore[arg-type]  # it returns no response
    check.process_request(request)
    if check.process_view(request, None, (), {}):  # type: ignore[arg-type]  # as DRF does
        raise ExpiredForm if is_same_origin(request) else CrossOriginForm


def is_same_origin(request: HttpRequest | Request) -> bool:
    """Return whether a page of this service sent the request, by `Origin` or else `Referer`."""
    origin = request.META.get("HTTP_ORIGIN")
    if origin is None:
        with suppress(ValueError):  # a malformed URL
            referer = urlsplit(request.META.get("HTTP_REFERER", ""))
            origin = f"{referer.scheme}://{referer.netloc}"
    return origin == f"{request.scheme}://{request.get_host()}"


def authenticate_cookie(request: HttpRequest | Request) -> tuple[AuthenticatedUser, Claims] | None:
    """Return the user and the claims of the cookie's access token.

    Returns `None` without a cookie or with an invalid one, and sets `COOKIE_INVALID` for it.
    """
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
