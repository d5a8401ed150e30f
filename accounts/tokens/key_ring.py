"""The keys that sign and verify tokens.

simplejwt's backend has one key. This one adds the `kid` header and fallback keys.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import jwt
import orjson
from jwt.types import Options
from jwt.utils import base64url_encode
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError

from accounts.domain.errors import InvalidTokenSignature, UnknownKeyID
from accounts.tokens.keys import ALGORITHM, KEY_ID_RE, key_id, prepare_key

HEADER_CACHE_SIZE = 64
"""This service's tokens have one header per key. Other tokens' headers fill the rest."""

# `TokenService` checks the claims, with its own clock. PyJWT's check of `iat` would also reject
# tokens from a machine with a clock one second ahead.
DECODE_OPTIONS: Options = {
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
}


class KeyRing(TokenBackend):
    """Signs with the first secret and verifies with each of them.

    A token's `kid` selects the key. Keys are never tried in turn. Raises `ValueError` for a
    secret that PyJWT refuses.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__(ALGORITHM)
        header = {"alg": ALGORITHM, "kid": key_id(secrets[0]), "typ": "JWT"}
        # `jwt.encode` would prepare key and header for each token: 15 µs more per refresh.
        self._header = base64url_encode(_dump_json(header)) + b"."
        self._signer = jwt.get_algorithm_by_name(ALGORITHM)
        self._keys = {key_id(secret): prepare_key(secret) for secret in secrets}
        self._signing_key = self._keys[header["kid"]]
        self._find_key_cached = lru_cache(HEADER_CACHE_SIZE)(self._find_key)

    @property
    def key_ids(self) -> str:
        """The `kid` of each key, separated by commas; the signing key's first."""
        return ", ".join(self._keys)

    def encode(self, payload: dict[str, Any]) -> str:
        """Return a signed token: a JWS in compact form (RFC 7515 §7.1)."""
        content = self._header + base64url_encode(_dump_json(payload))
        signature = self._signer.sign(content, self._signing_key)
        return (content + b"." + base64url_encode(signature)).decode()

    def decode(self, token: str, verify: bool = True) -> dict[str, Any]:  # type: ignore[override]  # simplejwt annotates the encoded token as a Token
        """Return the payload of a token with a valid signature.

        Raises `TokenBackendError`, `UnknownKeyID` or `InvalidTokenSignature`.
        """
        try:
            key = self._find_key_cached(token.partition(".")[0])
            return jwt.decode(token, key, algorithms=[ALGORITHM], options=DECODE_OPTIONS)
        except jwt.InvalidSignatureError as error:
            raise InvalidTokenSignature from error
        except jwt.PyJWTError as error:
            raise TokenBackendError("Token is invalid") from error

    def _find_key(self, encoded_header: str) -> bytes:
        header = jwt.get_unverified_header(f"{encoded_header}..")
        if "crit" in header:  # RFC 7515 §4.1.11: reject extensions that are not supported.
            raise jwt.InvalidTokenError
        kid: str = header.get("kid", "")  # PyJWT checks the type.
        # This service never issues such a header: it is not a token of a removed key.
        if header.get("alg") != ALGORITHM or not KEY_ID_RE.fullmatch(kid):
            raise jwt.InvalidTokenError
        if kid not in self._keys:
            raise UnknownKeyID(kid)
        return self._keys[kid]


def _dump_json(value: Mapping[str, Any]) -> bytes:
    """Return JSON in ASCII, as PyJWT encodes it."""
    try:
        if (text := orjson.dumps(value)).isascii():
            return text
    except TypeError:
        pass  # a project's claim: a number over 64 bits, or a lone surrogate
    return json.dumps(value, separators=(",", ":")).encode()
