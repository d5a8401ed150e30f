"""JSON Web Tokens on simplejwt: a ring of keys named by `kid`, and claims taken on no trust.

simplejwt gives the token types. What it lacks is added here: signing with a key prepared once,
the `kid` header, fallback keys, and a verification of every claim's presence, type and size.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import jwt
from jwt.types import Options
from jwt.utils import base64url_encode
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError

from accounts.core.claims import Claims, RefreshClaims, TokenType
from accounts.core.errors import TokenExpired, TokenInvalid
from accounts.core.keys import derive_key
from accounts.core.ports import Clock
from accounts.core.users import MAX_EMAIL_LENGTH, EmailAddress

ALGORITHM = "HS256"

# Ours have 400 to 1,000 characters; a longer string is refused before it is decoded.
MAX_TOKEN_LENGTH = 4096

# Ours have 32 characters; the bound keeps a forged claim out of keys and logs.
MAX_OPAQUE_LENGTH = 64

# Verified tokens that are remembered: some 8 MB when full. One that has been dropped is
# verified anew.
REMEMBERED_TOKENS = 8192

# Ours have one header for each key; whatever else comes must not push those out for good.
REMEMBERED_HEADERS = 64

# The year 3000: a later time is nobody's clock.
MAX_TIMESTAMP = 32_503_680_000

# Beyond 2^53 a JSON number is no longer exact everywhere (RFC 8259 §6).
MAX_GENERATION = 2**53

# The claims are judged by `verify` below and the expiry by the service's own clock; PyJWT's
# `iat` rule would refuse honest tokens from a machine whose clock is a second ahead.
SIGNATURE_ONLY: Options = {
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
}


class KeyRing(TokenBackend):
    """simplejwt's backend with key rollover: the first secret signs, all of them verify.

    A token's `kid` names its key; keys are never tried in turn.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__(ALGORITHM, signing_key=secrets[0])
        header = {"alg": ALGORITHM, "kid": key_id(secrets[0]), "typ": "JWT"}
        self._header = base64url_encode(_compact(header)) + b"."
        self._signer = jwt.get_algorithm_by_name(ALGORITHM)
        self._key = self._signer.prepare_key(secrets[0])
        self._secrets = {key_id(secret): secret for secret in secrets}
        self._secret_for = lru_cache(REMEMBERED_HEADERS)(self._look_up_secret)

    def encode(self, payload: dict[str, Any]) -> str:
        """Return a JWS in compact form (RFC 7515 §7.1): `jwt.encode`, with its key and header
        prepared once."""
        signed = self._header + base64url_encode(_compact(payload))
        return (signed + b"." + base64url_encode(self._signer.sign(signed, self._key))).decode()

    def decode(self, token: str, verify: bool = True) -> dict[str, Any]:  # type: ignore[override]  # simplejwt annotates the encoded token as a Token
        """Return the payload of a token whose signature holds. Raises `TokenBackendError`."""
        try:
            secret = self._secret_for(token.partition(".")[0])
            return jwt.decode(token, secret, algorithms=[ALGORITHM], options=SIGNATURE_ONLY)
        except jwt.InvalidTokenError as error:
            raise TokenBackendError("Token is invalid") from error

    def _look_up_secret(self, encoded_header: str) -> str:
        header = jwt.get_unverified_header(f"{encoded_header}..")
        if "crit" in header:  # RFC 7515 §4.1.11: extensions that we do not understand.
            raise jwt.InvalidTokenError("critical extension")
        try:
            return self._secrets[header["kid"]]
        except KeyError as error:
            raise jwt.InvalidTokenError("unknown key") from error


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
            generation=_integer(self.payload, "gen", MAX_GENERATION),
        )


class JWTIssuer:
    """A `TokenIssuer`; `read_access` serves the authentication class.

    That a token's signature and claims are sound is remembered, by the whole token: that cannot
    change. Whether it has expired is judged each time.
    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._verified = lru_cache(REMEMBERED_TOKENS)(self._verify)

    def issue(self, claims: Claims) -> str:
        payload: dict[str, Any] = {
            "type": TokenType.ACCESS,
            "sub": claims.email,
            "ver": claims.version,
            "sid": claims.sid,
            "jti": claims.jti,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
        }
        if isinstance(claims, RefreshClaims):
            payload |= {"type": TokenType.REFRESH, "gen": claims.generation}
        return self._ring.encode(payload)

    def read_access(self, token: str) -> Claims:
        """Return the claims of an access token. Raises `TokenInvalid` or `TokenExpired`."""
        claims = self._verified(token, AccessToken)
        self._judge_expiry(claims)
        return claims

    def read_refresh(self, token: str) -> RefreshClaims:
        claims = self._verified(token, RefreshToken)
        self._judge_expiry(claims)
        return cast(RefreshClaims, claims)

    def _verify(self, token: str, kind: type[AccessToken | RefreshToken]) -> Claims:
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise TokenInvalid
        try:
            return kind(self._ring, token).claims
        except TokenError as error:
            raise TokenInvalid from error

    def _judge_expiry(self, claims: Claims) -> None:
        if claims.expires_at <= self._clock():
            raise TokenExpired


def _compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def key_id(secret: str) -> str:
    """Return the `kid` of a key: stable, and no help in guessing it."""
    return derive_key(secret, "jwt kid").hex()[:16]


def _common_claims(payload: dict[str, Any], expected: TokenType) -> dict[str, Any]:
    if payload.get("type") != expected:
        raise TokenInvalid
    return {
        "email": EmailAddress(_text(payload, "sub", MAX_EMAIL_LENGTH)),
        "version": _text(payload, "ver", MAX_OPAQUE_LENGTH),
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
