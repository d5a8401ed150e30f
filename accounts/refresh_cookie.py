"""The refresh token in a cookie that no script can read, if `REFRESH_TOKEN_COOKIE` is on.

docs/guides/browser-front-end.md shows how a front end uses it, docs/security.md has the attacks.
"""

import re

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

from accounts.conf import conf
from accounts.domain.service import TokenPair
from accounts.rest.exceptions import CSRFFailed

LOCAL_NAME = "refresh_token"
"""The cookie's name over http on this machine, where not every browser keeps a `Secure` cookie."""

SECURE_NAME = f"__Secure-{LOCAL_NAME}"
"""The name everywhere else. `__Host-` would need `Path=/`: the host's every page would get it."""

LOCAL_ORIGIN_RE = re.compile(
    r"http://(localhost|[a-z0-9.-]+\.localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
)

HEADER_VALUE = "XMLHttpRequest"
"""Of `X-Requested-With`. Checked, because Android's WebView sends the header with an app's name."""


class MissingHeader(CSRFFailed):
    default_detail = f"Send the header X-Requested-With: {HEADER_VALUE}."
    log_reason = "header"


class UntrustedOrigin(CSRFFailed):
    default_detail = "This origin may not use the refresh token's cookie."
    log_reason = "origin"


class AmbiguousCookie(CSRFFailed):
    """One of the two is from another host of the site, and it cannot be known which."""

    default_detail = "The refresh token's cookie was sent twice."
    log_reason = "two_cookies"


def uses_cookie(request: Request) -> bool:
    """Return whether the tokens of the response go into the cookie.

    A page of the browsable API shows them, and neither sets the cookie nor lives on it.
    """
    return conf.REFRESH_TOKEN_COOKIE and request.accepted_renderer.format != "api"


def take_cookie(request: Request) -> str | None:
    """Return the cookie's refresh token, unless the body has one. Raises `CSRFFailed`."""
    if not uses_cookie(request):
        return None
    name = _get_name(request)
    token = request.COOKIES.get(name)
    body = request.data
    if not token or not isinstance(body, dict) or "refresh_token" in body:
        return None
    check_csrf(request)
    # "Cookie tossing": RFC 6265bis §8.6, weak integrity.
    names = [pair.partition("=")[0].strip() for pair in request.META["HTTP_COOKIE"].split(";")]
    if names.count(name) > 1:
        raise AmbiguousCookie
    return token


def check_csrf(request: Request) -> None:
    """Require a header that no form can send, and an origin that is trusted. Raises `CSRFFailed`.

    A script of another origin needs CORS for the header (OWASP CSRF Prevention).
    """
    if request.META.get("HTTP_X_REQUESTED_WITH") != HEADER_VALUE:
        raise MissingHeader
    if not _is_origin_trusted(request):
        raise UntrustedOrigin


def set_refresh_cookie(request: Request, response: HttpResponseBase, tokens: TokenPair) -> None:
    """Set the cookie for the endpoints of `AuthViewSet`.

    It lasts as long as the token; without `remember`, until the browser is closed at the latest.
    """
    response.set_cookie(
        _get_name(request),
        tokens.refresh_token or "",
        max_age=tokens.refresh_expires_in if tokens.remember else None,
        path=_get_path(request),
        secure=not _is_local(request),
        httponly=True,
        samesite=conf.REFRESH_TOKEN_COOKIE_SAMESITE,
    )


def delete_refresh_cookie(request: Request, response: HttpResponseBase) -> None:
    """Delete the cookie. Django adds `Secure` if its name requires that."""
    samesite = conf.REFRESH_TOKEN_COOKIE_SAMESITE
    response.delete_cookie(_get_name(request), path=_get_path(request), samesite=samesite)


def _is_origin_trusted(request: Request) -> bool:
    """Return whether the origin is the service's own, or listed in `CSRF_TRUSTED_ORIGINS`.

    A wildcard there counts for nothing: any host of the site could live on the cookie.
    """
    origin = request.META.get("HTTP_ORIGIN")
    if origin is None:
        # Browsers send it with every POST, and `Sec-Fetch-Site` with every request. Without
        # either, the client is a program, and its cookie is its own.
        return request.META.get("HTTP_SEC_FETCH_SITE") in {None, "same-origin"}
    return origin == _get_own_origin(request) or origin in settings.CSRF_TRUSTED_ORIGINS


def _get_name(request: Request) -> str:
    return LOCAL_NAME if _is_local(request) else SECURE_NAME


def _get_path(request: Request) -> str:
    """Return the path of the endpoints, wherever the project publishes them."""
    return escape_uri_path(request.path.rpartition("/")[0] + "/")


def _is_local(request: Request) -> bool:
    """Return whether service and front end are both at an http address of this machine.

    The front end's matters behind a proxy that sends its own `Host`.
    """
    own = _get_own_origin(request)
    origins = (own, request.META.get("HTTP_ORIGIN", own))
    return all(map(LOCAL_ORIGIN_RE.fullmatch, origins))


def _get_own_origin(request: Request) -> str:
    return f"{request.scheme}://{request.get_host()}"
