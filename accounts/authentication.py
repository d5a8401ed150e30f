"""DRF authentication by bearer token (RFC 6750), with users from the store."""

import re
from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt import authentication as simplejwt

from accounts.backends import AuthenticatedUser
from accounts.core.errors import TokenError, TokenInvalid
from accounts.runtime import get_runtime

# RFC 9110 §11.1: what an authentication scheme may be called.
SCHEME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class BearerTokenRejected(AuthenticationFailed):
    """A bad token in the `Authorization` header; carries the code of its `TokenError`."""

    def __init__(self, error: TokenError) -> None:
        super().__init__(error.detail, error.code)


class JWTAuthentication(simplejwt.JWTAuthentication):
    """simplejwt's authentication with strict headers, our tokens, and users from the store."""

    def __init__(self) -> None:
        """One is made for each request; simplejwt's own would look the ORM's user model up."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            return super().authenticate(request)
        except TokenError as error:
            raise BearerTokenRejected(error) from error

    def get_raw_token(self, header: bytes) -> bytes | None:
        """Return the token, or `None` for another scheme. Raises `TokenInvalid`."""
        # Empty where Granian was sent bytes that are not ASCII.
        scheme, *rest = header.split() or [b""]
        if scheme.lower() == b"bearer" and len(rest) == 1:
            return rest[0]
        if scheme.lower() != b"bearer" and rest and SCHEME.fullmatch(scheme):
            return None
        raise TokenInvalid

    def get_validated_token(self, raw_token: bytes) -> Any:
        """Return the token's claims: `request.auth`."""
        return get_runtime().tokens.read_access(raw_token.decode("latin-1"))

    def get_user(self, validated_token: Any) -> Any:
        return AuthenticatedUser(get_runtime().service.identify(validated_token))
