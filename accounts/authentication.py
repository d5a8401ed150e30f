"""DRF authentication by bearer token (RFC 6750), with users from the store."""

import re
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt import authentication as simplejwt

from accounts.backends import AuthenticatedUser
from accounts.domain.claims import Claims
from accounts.domain.errors import TokenError, TokenInvalid
from accounts.domain.interfaces import UserAndSession
from accounts.services import get_services

PREFETCHED_IDENTITY = "accounts.prefetched_identity"
"""Key in the WSGI environ. A server that batches store reads puts a `PrefetchedIdentity` there."""

SCHEME_RE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of an authentication scheme: a token of RFC 9110 §5.6.2."""


@dataclass(frozen=True, slots=True)
class PrefetchedIdentity:
    """The claims of a verified token, and what the store returned or raised for them."""

    claims: Claims
    result: UserAndSession | Exception

    def get_user_and_session(self) -> UserAndSession:
        """Return the store's result, or raise its exception."""
        if isinstance(self.result, Exception):
            # All requests of a batch raise this one object: each starts a new traceback.
            raise self.result.with_traceback(None)
        return self.result


class InvalidBearerToken(AuthenticationFailed):
    """A bad token in the `Authorization` header. `error` says why."""

    def __init__(self, error: TokenError) -> None:
        self.error = error
        super().__init__(error.detail, error.code)


class JWTAuthentication(simplejwt.JWTAuthentication):
    """simplejwt's authentication with this project's header rules, tokens and users."""

    def __init__(self) -> None:
        """Do nothing: simplejwt's own method looks up the ORM's user model."""

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge (RFC 6750 §3), whatever `SIMPLE_JWT` says about other tokens."""
        return f'Bearer realm="{self.www_authenticate_realm}"'

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return user and claims, or `None` without a bearer token. Raises `InvalidBearerToken`."""
        meta = request.META
        prefetched: PrefetchedIdentity | None = meta.get(PREFETCHED_IDENTITY)
        try:
            if prefetched is not None:
                return _identify(prefetched.claims, prefetched.get_user_and_session())
            claims = _verify_header(meta.get("HTTP_AUTHORIZATION"))
            return None if claims is None else _identify(claims)
        except TokenError as error:
            raise InvalidBearerToken(error) from error


def verify_authorization_header(header: str) -> Claims | None:
    """Return the claims of the header's access token, or `None` without a valid token.

    Reads no store. A server calls it before it looks up the claims' user and session.
    """
    try:
        return _verify_header(header)
    except TokenError:
        return None


def _verify_header(header: str | None) -> Claims | None:
    """Return the claims, or `None` for no header or another scheme. Raises `TokenError`."""
    if header is None:
        return None
    # Granian passes a value with non-ASCII bytes as ""; other servers pass it as it is.
    match header.split() if header.isascii() else []:
        case [scheme, token] if scheme.lower() == "bearer":
            return get_services().tokens.verify_access(token)
        case [scheme, _, *_] if scheme.lower() != "bearer" and SCHEME_RE.fullmatch(scheme):
            return None
    raise TokenInvalid


def _identify(
    claims: Claims, prefetched: UserAndSession | None = None
) -> tuple[AuthenticatedUser, Claims]:
    user = get_services().accounts.get_user_for_claims(claims, prefetched)
    return AuthenticatedUser(user), claims
