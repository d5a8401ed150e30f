"""Keys derived from the one secret: each use has its own, and none reveals another."""

import hmac
import re

KEY_ID_RE = re.compile(r"[0-9a-f]{16}")
"""What the `kid` of a key of ours looks like."""


def derive_key(secret: str, label: str) -> bytes:
    """Return 32 bytes for the use that `label` names: HKDF-SHA256 without salt (RFC 5869)."""
    extracted = hmac.digest(bytes(32), secret.encode(), "sha256")
    return hmac.digest(extracted, label.encode() + b"\x01", "sha256")


def key_id(secret: str) -> str:
    """Return the `kid` of a key: stable, and no help in guessing it."""
    return derive_key(secret, "jwt kid").hex()[:16]
