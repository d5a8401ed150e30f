"""The keys of a secret. Imports no Django: the settings use it."""

import hmac
import re

import jwt

ALGORITHM = "HS256"

MIN_SECRET_BYTES = 32
"""RFC 7518 §3.2: an HS256 key has at least the size of the hash."""

KEY_ID_RE = re.compile(r"[0-9a-f]{16}")
"""The form of a key ID that `key_id` returns."""


def derive_key(secret: str | bytes, info: str) -> bytes:
    """Return 32 bytes for the use that `info` names: HKDF-SHA256 without salt (RFC 5869).

    A key for one use reveals neither the secret nor the key for another use.
    """
    secret = secret.encode() if isinstance(secret, str) else secret
    pseudorandom_key = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(pseudorandom_key, info.encode() + b"\x01", "sha256")


def prepare_key(secret: str) -> bytes:
    """Return the HMAC key of a secret. Raises `ValueError` if PyJWT refuses it as one.

    A public key in PEM, SSH or JWK format is no secret (RFC 8725 §2.1).
    """
    try:
        key: bytes = jwt.get_algorithm_by_name(ALGORITHM).prepare_key(secret)
    except jwt.InvalidKeyError as error:
        raise ValueError("the key is of another algorithm: PEM, SSH or JWK") from error
    return key


def validate_secret(secret: str) -> None:
    """Raise `ValueError` for a secret that is too short or that others may know."""
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must have at least {MIN_SECRET_BYTES} bytes")
    try:
        prepare_key(secret)
    except ValueError:
        raise ValueError("must be a random secret, not a PEM, SSH or JWK key") from None
    # Of a PEM file on several lines, some programs read the first one only. Everybody knows it.
    if secret.startswith("-----BEGIN "):
        raise ValueError("must be a random secret, not a line of a PEM file")


def key_id(secret: str) -> str:
    """Return the key ID (`kid`) of a signing key. It is stable and does not reveal the key."""
    return derive_key(secret, "jwt kid").hex()[:16]
