"""Issues and verifies access and refresh tokens (RFC 7519), with each claim's type and size."""

import json
import logging
from contextlib import suppress
from functools import lru_cache
from typing import Any, cast

from rest_framework_simplejwt.exceptions import TokenBackendError

from accounts.domain.claims import (
    NO_EXTRA,
    RESERVED_CLAIMS,
    Claims,
    RefreshClaims,
    TokenType,
)
from accounts.domain.errors import TokenExpired, TokenInvalid, UnknownKeyID, WrongTokenType
from accounts.domain.interfaces import Clock
from accounts.domain.users import MAX_EMAIL_LENGTH, EmailAddress
from accounts.throttled_logging import ThrottledLogger
from accounts.tokens.key_ring import KeyRing

MAX_TOKEN_LENGTH = 4096
"""A longer token is rejected before it is decoded.

Issued tokens have 400 to 1,000 characters, and at most 2,731 more for a project's own claims.
"""

MAX_OPAQUE_LENGTH = 64
"""Issued `ver`, `sid` and `jti` have at most 32 characters. The limit bounds keys and log lines."""

TOKEN_CACHE_SIZE = 8192
"""Verified tokens in the cache, about 8 MB when full."""

MAX_TIMESTAMP = 32_503_680_000
"""The year 3000."""

MAX_ROTATION_COUNT = 2**53
"""Larger JSON numbers are not exact in every implementation (RFC 8259 §6)."""

CLOCK_TOLERANCE_SECONDS = 5
"""Clocks synchronized by NTP differ by less. A token from further in the future logs a warning."""

logger = logging.getLogger("accounts.tokens")


class TokenService:
    """A `TokenIssuer`; `verify_access` serves the authentication class.

    Caches the claims of verified tokens, since signature and claims cannot change. Times are
    checked at each use. Without the cache, a profile request takes 110 µs instead of 61.
    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._logger = ThrottledLogger(logger, clock)
        self._verify_cached = lru_cache(TOKEN_CACHE_SIZE)(self._verify)

    def issue(self, claims: Claims) -> str:
        payload: dict[str, Any] = {
            "type": TokenType.ACCESS,
            "sub": claims.email,
            "ver": claims.security_stamp,
            "sid": claims.sid,
            "jti": claims.jti,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
        }
        if not claims.remember:
            payload["remember"] = False
        if isinstance(claims, RefreshClaims):
            payload |= {"type": TokenType.REFRESH, "gen": claims.rotation_count}
            if claims.auth_time is not None:
                payload["auth_time"] = claims.auth_time
        elif claims.extra_json != NO_EXTRA:
            payload = claims.extra | payload
        return self._ring.encode(payload)

    def verify_access(self, token: str) -> Claims:
        """Return the claims of an access token. Raises `TokenInvalid` or `TokenExpired`."""
        return self._check_times(self._verify_cached(token, TokenType.ACCESS))

    def verify_refresh(self, token: str) -> RefreshClaims:
        return cast(RefreshClaims, self._check_times(self._verify_cached(token, TokenType.REFRESH)))

    def verify_for_revocation(self, token: str) -> Claims:
        try:
            claims = self._verify_cached(token, TokenType.REFRESH)
        except WrongTokenType:
            claims = self._verify_cached(token, TokenType.ACCESS)
        with suppress(TokenExpired):
            self._check_times(claims)
        return claims

    def _verify(self, token: str, token_type: TokenType) -> Claims:
        # PyJWT ignores padding, which RFC 7515 §2 leaves out.
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii() or "=" in token:
            raise TokenInvalid
        try:
            return _parse_claims(self._ring.decode(token), token_type)
        except TokenBackendError as error:
            raise TokenInvalid from error
        except UnknownKeyID as error:
            self._logger.warning(
                "a token was refused: its key %s is unknown, the known keys are %s; "
                "does JWT_SECRET_KEY_FALLBACKS lack a secret?",
                error.kid,
                self._ring.key_ids,
            )
            raise

    def _check_times(self, claims: Claims) -> Claims:
        now = self._clock()
        if claims.not_before > now:
            raise TokenInvalid
        if claims.expires_at <= now:
            raise TokenExpired(now - claims.expires_at)
        if claims.issued_at > now + CLOCK_TOLERANCE_SECONDS:
            self._logger.warning(
                "a token was issued %.0f s in the future: "
                "this machine's clock is behind, or another's is ahead",
                claims.issued_at - now,
            )
        return claims


def _parse_claims(payload: dict[str, Any], expected: TokenType) -> Claims:
    """Return the claims of a token with this type. Raises `TokenInvalid`."""
    if payload.get("type") != expected:
        raise WrongTokenType if payload.get("type") in tuple(TokenType) else TokenInvalid
    if "aud" in payload:  # RFC 7519 §4.1.3: reject an audience that does not name this service.
        raise TokenInvalid
    claims: dict[str, Any] = {
        "email": EmailAddress(_parse_text(payload, "sub", MAX_EMAIL_LENGTH)),
        "security_stamp": _parse_text(payload, "ver", MAX_OPAQUE_LENGTH),
        "sid": _parse_text(payload, "sid", MAX_OPAQUE_LENGTH),
        "jti": _parse_text(payload, "jti", MAX_OPAQUE_LENGTH),
        "issued_at": _parse_integer(payload, "iat", MAX_TIMESTAMP),
        "expires_at": _parse_integer(payload, "exp", MAX_TIMESTAMP),
        "not_before": _parse_integer(payload, "nbf", MAX_TIMESTAMP) if "nbf" in payload else 0,
        "remember": _parse_boolean(payload, "remember", default=True),
    }
    if expected is TokenType.ACCESS:
        return Claims(**claims, extra_json=_dump_extra(payload))
    claims["rotation_count"] = _parse_integer(payload, "gen", MAX_ROTATION_COUNT)
    if "auth_time" in payload:
        claims["auth_time"] = _parse_integer(payload, "auth_time", MAX_TIMESTAMP)
    return RefreshClaims(**claims)


def _dump_extra(payload: dict[str, Any]) -> str:
    """Return what is none of this service's own claims."""
    return json.dumps({name: payload[name] for name in payload if name not in RESERVED_CLAIMS})


def _parse_text(payload: dict[str, Any], name: str, maximum: int) -> str:
    value = payload.get(name)
    # `isprintable` is false for control characters and lone surrogates.
    if not isinstance(value, str) or not 0 < len(value) <= maximum or not value.isprintable():
        raise TokenInvalid
    return value


def _parse_integer(payload: dict[str, Any], name: str, maximum: int) -> int:
    value = payload.get(name)
    if type(value) is not int or not 0 <= value <= maximum:  # not `isinstance`: True is an int
        raise TokenInvalid
    return value


def _parse_boolean(payload: dict[str, Any], name: str, *, default: bool) -> bool:
    value = payload.get(name, default)
    if not isinstance(value, bool):
        raise TokenInvalid
    return value
