"""Keys that sign and verify tokens, each named by its `kid`.

simplejwt has one key. What it lacks is added here: signing with a key prepared once, the `kid`
header, and fallback keys.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import jwt
from jwt.types import Options
from jwt.utils import base64url_encode
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError

from accounts.domain.errors import InvalidTokenSignature, UnknownKeyID
from accounts.tokens.keys import KEY_ID_RE, key_id

ALGORITHM = "HS256"

# Ours have one header for each key; whatever else comes must not push those out for good.
HEADER_CACHE_SIZE = 64

# The claims are judged by `tokens` and the expiry by the service's own clock; PyJWT's
# `iat` rule would refuse honest tokens from a machine whose clock is a second ahead.
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
        self._secret_for = lru_cache(HEADER_CACHE_SIZE)(self._look_up_secret)

    def encode(self, payload: dict[str, Any]) -> str:
        """Return a JWS in compact form (RFC 7515 §7.1): `jwt.encode`, with its key and header
        prepared once."""
        signed = self._header + base64url_encode(_compact(payload))
        return (signed + b"." + base64url_encode(self._signer.sign(signed, self._key))).decode()

    def decode(self, token: str, verify: bool = True) -> dict[str, Any]:  # type: ignore[override]  # simplejwt annotates the encoded token as a Token
        """Return the payload of a token whose signature holds.

        Raises `TokenBackendError`, `UnknownKeyID` or `InvalidTokenSignature`.
        """
        try:
            secret = self._secret_for(token.partition(".")[0])
            return jwt.decode(token, secret, algorithms=[ALGORITHM], options=DECODE_OPTIONS)
        except jwt.InvalidSignatureError as error:
            raise InvalidTokenSignature from error
        except jwt.InvalidTokenError as error:
            raise TokenBackendError("Token is invalid") from error

    def _look_up_secret(self, encoded_header: str) -> str:
        header = jwt.get_unverified_header(f"{encoded_header}..")
        if "crit" in header:  # RFC 7515 §4.1.11: extensions that we do not understand.
            raise jwt.InvalidTokenError("critical extension")
        kid: str = header.get("kid", "")  # PyJWT sees to it that it is a string
        # Another issuer's token, or garbage: no service of ours, whatever its keys, has made it.
        if header.get("alg") != ALGORITHM or not KEY_ID_RE.fullmatch(kid):
            raise jwt.InvalidTokenError("not one of ours")
        if kid not in self._secrets:
            raise UnknownKeyID(kid)
        return self._secrets[kid]

    @property
    def names(self) -> str:
        """The `kid` of each key, the current one's first."""
        return ", ".join(self._secrets)


def _compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
