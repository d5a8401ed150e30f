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

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return user and claims, or `None` without a bearer token. Raises `InvalidBearerToken`."""
        prefetched: PrefetchedIdentity | None = request.META.get(PREFETCHED_IDENTITY)
        try:
            if prefetched is None:
                return super().authenticate(request)
            result = prefetched.get_user_and_session()
            return _get_user(prefetched.claims, result), prefetched.claims
        except TokenError as error:
            raise InvalidBearerToken(error) from error

    def get_header(self, request: Request) -> Any:
        """Return the header as it was sent; simplejwt's own method encodes it."""
        header: str | None = request.META.get("HTTP_AUTHORIZATION")
        return header

    def get_raw_token(self, header: Any) -> Any:
        """Return the token, or `None` for another scheme. Raises `TokenInvalid`."""
        # Granian passes a value with non-ASCII bytes as ""; other servers pass it as it is.
        scheme, *rest = (header.split() if header.isascii() else []) or [""]
        if scheme.lower() == "bearer" and len(rest) == 1:
            return rest[0]
        if scheme.lower() != "bearer" and rest and SCHEME_RE.fullmatch(scheme):
            return None
        raise TokenInvalid

    def get_validated_token(self, raw_token: Any) -> Any:
        """Return the token's claims, which become `request.auth`."""
        return get_services().tokens.verify_access(raw_token)

    def get_user(self, validated_token: Any) -> Any:
        return _get_user(validated_token)


def verify_authorization_header(header: str) -> Claims | None:
    """Return the claims of the header's access token, or `None` without a valid token.

    Reads no store. A server calls it before it looks up the claims' user and session.
    """
    authentication = JWTAuthentication()
    try:
        token = authentication.get_raw_token(header)
        return None if token is None else get_services().tokens.verify_access(token)
    except TokenError:
        return None


def _get_user(claims: Claims, prefetched: UserAndSession | None = None) -> AuthenticatedUser:
    return AuthenticatedUser(get_services().accounts.get_user_for_claims(claims, prefetched))
