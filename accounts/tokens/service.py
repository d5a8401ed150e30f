"""Issues and verifies JSON Web Tokens (RFC 7519).

The token types are simplejwt's. This module also checks presence, type and size of each claim.
"""

import logging
from functools import lru_cache
from typing import Any, cast

from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.exceptions import TokenError

from accounts.domain.claims import Claims, RefreshClaims, TokenType
from accounts.domain.errors import TokenExpired, TokenInvalid, UnknownKeyID, WrongTokenType
from accounts.domain.interfaces import Clock
from accounts.domain.users import MAX_EMAIL_LENGTH, EmailAddress
from accounts.throttled_logging import ThrottledLogger
from accounts.tokens.key_ring import KeyRing

MAX_TOKEN_LENGTH = 4096
"""Issued tokens have 400 to 1,000 characters. A longer one is rejected before it is decoded."""

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

MAX_WARNED_KEY_IDS = 8
"""Unknown key IDs that the next warning lists, so that made-up ones do not hide a real one."""

logger = logging.getLogger("accounts.tokens")


class _KeyRingToken(simplejwt.Token):
    def __init__(self, ring: KeyRing, token: str | None = None) -> None:
        self._ring = ring
        super().__init__(token)  # type: ignore[arg-type]  # simplejwt annotates the encoded token as a Token

    def get_token_backend(self) -> KeyRing:
        return self._ring


class AccessToken(_KeyRingToken, simplejwt.AccessToken):
    claims: Claims

    def verify(self) -> None:
        self.claims = Claims(**_parse_claims(self.payload, TokenType.ACCESS))


class RefreshToken(_KeyRingToken, simplejwt.RefreshToken):  # type: ignore[misc]  # simplejwt's own bases disagree on for_user
    claims: RefreshClaims

    def verify(self) -> None:
        self.claims = RefreshClaims(
            **_parse_claims(self.payload, TokenType.REFRESH),
            rotation_count=_parse_integer(self.payload, "gen", MAX_ROTATION_COUNT),
        )


class TokenService:
    """A `TokenIssuer`; `verify_access` serves the authentication class.

    Caches the claims of verified tokens, since signature and claims cannot change. The cache saves
    49 of the 61 µs of a profile request. The expiry is checked each time.
    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._logger = ThrottledLogger(logger, clock)
        self._unlogged_key_ids: tuple[str, ...] = ()
        self._verify_cached = lru_cache(TOKEN_CACHE_SIZE)(self._verify)

    def issue(self, claims: Claims) -> str:
        """Return a signed access token, or a refresh token for `RefreshClaims`."""
        payload: dict[str, Any] = {
            "type": TokenType.ACCESS,
            "sub": claims.email,
            "ver": claims.security_stamp,
            "sid": claims.sid,
            "jti": claims.jti,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
        }
        if isinstance(claims, RefreshClaims):
            payload |= {"type": TokenType.REFRESH, "gen": claims.rotation_count}
        return self._ring.encode(payload)

    def verify_access(self, token: str) -> Claims:
        """Return the claims of an access token. Raises `TokenInvalid` or `TokenExpired`."""
        claims = self._verify_cached(token, AccessToken)
        self._check_times(claims)
        return claims

    def verify_refresh(self, token: str) -> RefreshClaims:
        """Return the claims of a refresh token. Raises `TokenInvalid` or `TokenExpired`."""
        claims = self._verify_cached(token, RefreshToken)
        self._check_times(claims)
        return cast(RefreshClaims, claims)

    def _verify(self, token: str, token_class: type[AccessToken | RefreshToken]) -> Claims:
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise TokenInvalid
        try:
            return token_class(self._ring, token).claims
        except TokenError as error:
            raise TokenInvalid from error
        except UnknownKeyID as error:
            self._warn_unknown_key(error.kid)
            raise

    def _check_times(self, claims: Claims) -> None:
        now = self._clock()
        if claims.expires_at <= now:
            raise TokenExpired(now - claims.expires_at)
        if claims.issued_at > now + CLOCK_TOLERANCE_SECONDS:
            self._logger.warning(
                "a token was issued %.0f s in the future: "
                "this machine's clock is behind, or another's is ahead",
                claims.issued_at - now,
            )

    def _warn_unknown_key(self, kid: str) -> None:
        others = tuple(other for other in self._unlogged_key_ids if other != kid)
        logged = self._logger.warning(
            "a token was refused: its key %s is unknown%s, the known keys are %s; "
            "does JWT_SECRET_KEY_FALLBACKS lack a secret?",
            kid,
            f" (as were {', '.join(others)} before)" if others else "",
            self._ring.key_ids,
        )
        self._unlogged_key_ids = () if logged else (*others, kid)[-MAX_WARNED_KEY_IDS:]


def _parse_claims(payload: dict[str, Any], expected: TokenType) -> dict[str, Any]:
    """Return the claims that both token types have. Raises `TokenInvalid`."""
    if payload.get("type") != expected:
        raise WrongTokenType if payload.get("type") in tuple(TokenType) else TokenInvalid
    return {
        "email": EmailAddress(_parse_text(payload, "sub", MAX_EMAIL_LENGTH)),
        "security_stamp": _parse_text(payload, "ver", MAX_OPAQUE_LENGTH),
        "sid": _parse_text(payload, "sid", MAX_OPAQUE_LENGTH),
        "jti": _parse_text(payload, "jti", MAX_OPAQUE_LENGTH),
        "issued_at": _parse_integer(payload, "iat", MAX_TIMESTAMP),
        "expires_at": _parse_integer(payload, "exp", MAX_TIMESTAMP),
    }


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
