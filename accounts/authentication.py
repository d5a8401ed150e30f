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

PREFETCHED_IDENTITY = "accounts.found"
"""Where a WSGI environ carries the answer to the request's authentication."""

# RFC 9110 §11.1: what an authentication scheme may be called.
SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class PrefetchedIdentity:
    """What the store said of a token's claims, or how it failed."""

    claims: Claims
    answer: UserAndSession | Exception

    def of(self, claims: Claims) -> UserAndSession | None:
        """Return the answer, if it is about these claims. Raises what the store raised."""
        if claims != self.claims:
            return None
        if isinstance(self.answer, Exception):
            # Many may raise the same one; none adds to another's traceback.
            raise self.answer.with_traceback(None)
        return self.answer


class InvalidBearerToken(AuthenticationFailed):
    """A bad token in the `Authorization` header; carries the code of its `TokenError`."""

    def __init__(self, error: TokenError) -> None:
        self.error = error
        super().__init__(error.detail, error.code)


class JWTAuthentication(simplejwt.JWTAuthentication):
    """simplejwt's authentication with strict headers, our tokens, and users from the store."""

    def __init__(self) -> None:
        """One is made for each request; simplejwt's own would look the ORM's user model up."""

    _found: PrefetchedIdentity | None = None

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        self._found = request.META.get(PREFETCHED_IDENTITY)
        try:
            return super().authenticate(request)
        except TokenError as error:
            raise InvalidBearerToken(error) from error

    def get_header(self, request: Request) -> Any:
        header: str | None = request.META.get("HTTP_AUTHORIZATION")
        return header

    def get_raw_token(self, header: Any) -> Any:
        """Return the token, or `None` for another scheme. Raises `TokenInvalid`."""
        # Empty where Granian was sent bytes that are not ASCII; where another server passed them
        # on, some would count as white space.
        scheme, *rest = (header.split() if header.isascii() else []) or [""]
        if scheme.lower() == "bearer" and len(rest) == 1:
            return rest[0]
        if scheme.lower() != "bearer" and rest and SCHEME.fullmatch(scheme):
            return None
        raise TokenInvalid

    def get_validated_token(self, raw_token: Any) -> Any:
        """Return the token's claims: `request.auth`."""
        return get_services().tokens.verify_access(raw_token)

    def get_user(self, validated_token: Any) -> Any:
        found = self._found.of(validated_token) if self._found else None
        return AuthenticatedUser(
            get_services().accounts.get_user_for_claims(validated_token, found)
        )


def verify_authorization_header(header: str) -> Claims | None:
    """Return what a good token in an `Authorization` header claims; nothing is asked."""
    authentication = JWTAuthentication()
    try:
        token = authentication.get_raw_token(header)
        return None if token is None else get_services().tokens.verify_access(token)
    except TokenError:
        return None
