"""Password hashes that other software made: which are accepted, and how they are verified.

Django's hashers do the work. The limits keep each verification below five seconds of a core, and
below 256 MiB.
"""

import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

import bcrypt
from django.contrib.auth import hashers

MAX_MEMORY = 256 * 2**20
MAX_BCRYPT_COST = 16
MAX_PBKDF2_ITERATIONS = 10_000_000
MAX_SCRYPT_BLOCKS = 2**23
MAX_ARGON2_KIBIBYTES = 2**22
"""Over all passes: `t` times `m`."""
MAX_ARGON2_THREADS = 16
BCRYPT_BYTES = 72
"""bcrypt reads no more of a password, and its library refuses a longer one."""

# bcrypt's salt has 128 bits, so its last character is one of four.
BCRYPT_PATTERN = r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
SALT_PATTERN = r"[!-#%-~]{1,128}"  # printable ASCII without "$"
PBKDF2_PATTERN = rf"\$(?P<iterations>[1-9][0-9]{{0,9}})\${SALT_PATTERN}\$[A-Za-z0-9+/]"
SCRYPT_PATTERN = (
    rf"\$(?P<n>[1-9][0-9]{{0,9}})\${SALT_PATTERN}\$(?P<r>[1-9][0-9]{{0,9}})"
    r"\$(?P<p>[1-9][0-9]{0,9})\$[A-Za-z0-9+/]{86}=="
)
ARGON2_PATTERN = (
    r"\$argon2(?:id|i|d)\$v=19\$m=(?P<m>[1-9][0-9]{0,9}),t=(?P<t>[1-9][0-9]{0,9})"
    r",p=(?P<p>[1-9][0-9]{0,9})\$[A-Za-z0-9+/]{11,128}\$[A-Za-z0-9+/]{11,128}"
)


class UnsupportedHash(ValueError):
    """A hash that is not accepted. The message is the reason, and has no part of the hash."""


class PlainBcryptHasher(hashers.BCryptPasswordHasher):
    """Django's own passes a password of more than 72 bytes to the library, which raises."""

    def verify(self, password: str, encoded: str) -> bool:
        checksum = encoded.removeprefix(f"{self.algorithm}$")
        return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], checksum.encode())


class ScryptHasher(hashers.ScryptPasswordHasher):
    """Django's own has the 32 MiB of OpenSSL's default."""

    maxmem = MAX_MEMORY


class HashFormat(NamedTuple):
    hasher: hashers.BasePasswordHasher
    pattern: str
    """Of what follows the name. Its named groups are the parameters of `is_affordable`."""
    is_affordable: Callable[..., bool]


def _check_bcrypt(cost: int) -> bool:
    return 4 <= cost <= MAX_BCRYPT_COST  # noqa: PLR2004  # bcrypt's own minimum


def _check_pbkdf2(iterations: int) -> bool:
    return iterations <= MAX_PBKDF2_ITERATIONS


def _check_scrypt(n: int, r: int, p: int) -> bool:
    # RFC 7914 §2: N is a power of two, and less than 2^(128 r / 8).
    is_valid = n & (n - 1) == 0 and 1 < n < 2 ** min(16 * r, 64)
    return is_valid and n * r * p <= MAX_SCRYPT_BLOCKS and 128 * r * (n + p + 2) <= MAX_MEMORY


def _check_argon2(m: int, t: int, p: int) -> bool:
    # RFC 9106 §3.1: at least 8 KiB a thread.
    is_valid = 8 * p <= m and p <= MAX_ARGON2_THREADS
    return is_valid and m * 1024 <= MAX_MEMORY and m * t <= MAX_ARGON2_KIBIBYTES


FORMATS = {
    format_.hasher.algorithm: format_
    for format_ in (
        HashFormat(hashers.BCryptSHA256PasswordHasher(), rf"\${BCRYPT_PATTERN}", _check_bcrypt),
        HashFormat(PlainBcryptHasher(), rf"\${BCRYPT_PATTERN}", _check_bcrypt),
        HashFormat(hashers.PBKDF2PasswordHasher(), PBKDF2_PATTERN + "{43}=", _check_pbkdf2),
        HashFormat(hashers.PBKDF2SHA1PasswordHasher(), PBKDF2_PATTERN + "{27}=", _check_pbkdf2),
        HashFormat(ScryptHasher(), SCRYPT_PATTERN, _check_scrypt),
        HashFormat(hashers.Argon2PasswordHasher(), ARGON2_PATTERN, _check_argon2),
    )
}


def parse_hash(text: str) -> str:
    """Return a hash in Django's form. Raises `UnsupportedHash`."""
    if not text or text.startswith("!"):
        raise UnsupportedHash("has no password, or an unusable one (`!`)")
    algorithm, rest = _split_algorithm(text)
    if algorithm not in FORMATS:
        raise UnsupportedHash("has a password hash of a format that cannot be verified")
    match = re.fullmatch(FORMATS[algorithm].pattern, rest)
    if match is None:
        raise UnsupportedHash(f"has an incomplete or malformed {algorithm} hash")
    costs = {name: int(digits) for name, digits in match.groupdict().items()}
    if not FORMATS[algorithm].is_affordable(**costs):
        raise UnsupportedHash(f"has a {algorithm} hash of a cost that is not accepted: {costs}")
    if algorithm == "argon2" and find_spec("argon2") is None:
        raise UnsupportedHash("has an argon2 hash, which needs the package argon2-cffi")
    return algorithm + rest


def _split_algorithm(text: str) -> tuple[str, str]:
    """Return Django's name for the algorithm and the rest, which begins with `$`."""
    if re.match(r"\$2[aby]\$", text):
        return "bcrypt", f"${text}"
    if text.startswith("$argon2"):
        return "argon2", text
    algorithm, separator, rest = text.partition("$")
    return algorithm, separator + rest


def verify_imported(password: str, encoded: str) -> bool:
    """Return whether a password matches a hash in Django's form. Takes long."""
    return FORMATS[encoded.partition("$")[0]].hasher.verify(password, encoded)
