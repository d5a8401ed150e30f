"""JSON Web Tokens on simplejwt, with claims taken on no trust.

simplejwt gives the token types. What it lacks is added: keys (`keyring`), and here a verification
of every claim's presence, type and size.
"""

import logging
from functools import lru_cache
from typing import Any, cast

from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.exceptions import TokenError

from accounts.domain.claims import Claims, RefreshClaims, TokenType
from accounts.domain.errors import (
    TokenExpired,
    TokenInvalid,
    UnknownKeyID,
    WrongTokenType,
)
from accounts.domain.interfaces import Clock
from accounts.domain.users import MAX_EMAIL_LENGTH, EmailAddress
from accounts.throttled_logging import ThrottledLogger
from accounts.tokens.key_ring import KeyRing

# Ours have 400 to 1,000 characters; a longer string is refused before it is decoded.
MAX_TOKEN_LENGTH = 4096

# Ours have 32 characters; the bound keeps a forged claim out of keys and logs.
MAX_OPAQUE_LENGTH = 64

# Verified tokens that are remembered: some 8 MB when full. One that has been dropped is
# verified anew.
TOKEN_CACHE_SIZE = 8192

# The year 3000: a later time is nobody's clock.
MAX_TIMESTAMP = 32_503_680_000

# Beyond 2^53 a JSON number is no longer exact everywhere (RFC 8259 §6).
MAX_GENERATION = 2**53

CLOCK_TOLERANCE_SECONDS = 5
"""Machines that keep time by NTP differ by less; what is said beyond it is a warning, no more."""

# Key names that wait for the next line: a stranger who makes one up each minute hides no real one.
MAX_WARNED_KEY_IDS = 8

TYPES = tuple(TokenType)

logger = logging.getLogger("accounts.tokens")


class _RingToken(simplejwt.Token):
    def __init__(self, ring: KeyRing, token: str | None = None) -> None:
        self._ring = ring
        super().__init__(token)  # type: ignore[arg-type]  # simplejwt annotates the encoded token as a Token

    def get_token_backend(self) -> KeyRing:
        return self._ring


class AccessToken(_RingToken, simplejwt.AccessToken):
    claims: Claims

    def verify(self) -> None:
        self.claims = Claims(**_common_claims(self.payload, TokenType.ACCESS))


class RefreshToken(_RingToken, simplejwt.RefreshToken):  # type: ignore[misc]  # simplejwt's own bases disagree on for_user
    claims: RefreshClaims

    def verify(self) -> None:
        self.claims = RefreshClaims(
            **_common_claims(self.payload, TokenType.REFRESH),
            rotation_count=_integer(self.payload, "gen", MAX_GENERATION),
        )


class TokenService:
    """A `TokenIssuer`; `verify_access` serves the authentication class.

    That a token's signature and claims are sound is remembered, by the whole token: that cannot
    change. Whether it has expired is judged each time.
    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._seldom = ThrottledLogger(logger, clock)
        self._foreign: tuple[str, ...] = ()
        self._verified = lru_cache(TOKEN_CACHE_SIZE)(self._verify)

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
        if isinstance(claims, RefreshClaims):
            payload |= {"type": TokenType.REFRESH, "gen": claims.rotation_count}
        return self._ring.encode(payload)

    def verify_access(self, token: str) -> Claims:
        """Return the claims of an access token. Raises `TokenInvalid` or `TokenExpired`."""
        claims = self._verified(token, AccessToken)
        self._check_times(claims)
        return claims

    def verify_refresh(self, token: str) -> RefreshClaims:
        claims = self._verified(token, RefreshToken)
        self._check_times(claims)
        return cast(RefreshClaims, claims)

    def _verify(self, token: str, kind: type[AccessToken | RefreshToken]) -> Claims:
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise TokenInvalid
        try:
            return kind(self._ring, token).claims
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
            self._seldom.warning(
                "a token of ours was issued %.0f s in the future: "
                "this machine's clock is behind, or another's is ahead",
                claims.issued_at - now,
            )

    def _warn_unknown_key(self, kid: str) -> None:
        others = tuple(other for other in self._foreign if other != kid)
        told = self._seldom.warning(
            "a token was refused: it was signed with key %s%s, and we have %s; "
            "does JWT_SECRET_KEY_FALLBACKS lack a secret?",
            kid,
            f" (before it others, with {', '.join(others)})" if others else "",
            self._ring.names,
        )
        self._foreign = () if told else (*others, kid)[-MAX_WARNED_KEY_IDS:]


def _common_claims(payload: dict[str, Any], expected: TokenType) -> dict[str, Any]:
    if payload.get("type") != expected:
        raise WrongTokenType if payload.get("type") in TYPES else TokenInvalid
    return {
        "email": EmailAddress(_text(payload, "sub", MAX_EMAIL_LENGTH)),
        "security_stamp": _text(payload, "ver", MAX_OPAQUE_LENGTH),
        "sid": _text(payload, "sid", MAX_OPAQUE_LENGTH),
        "jti": _text(payload, "jti", MAX_OPAQUE_LENGTH),
        "issued_at": _integer(payload, "iat", MAX_TIMESTAMP),
        "expires_at": _integer(payload, "exp", MAX_TIMESTAMP),
    }


def _text(payload: dict[str, Any], name: str, maximum: int) -> str:
    value = payload.get(name)
    # isprintable is false for control characters and for halves of surrogate pairs.
    if not isinstance(value, str) or not 0 < len(value) <= maximum or not value.isprintable():
        raise TokenInvalid
    return value


def _integer(payload: dict[str, Any], name: str, maximum: int) -> int:
    value = payload.get(name)
    if type(value) is not int or not 0 <= value <= maximum:  # bool is an int, and no time
        raise TokenInvalid
    return value
