"""The user, and the one door for e-mail addresses."""

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import NewType
from unicodedata import normalize

import email_validator

from accounts.domain.errors import InvalidEmail

EmailAddress = NewType("EmailAddress", str)
"""A normalised e-mail address. Only `normalize_email` makes one."""

# RFC 5321 §4.5.3.1: 64 octets, "@", 255 octets. Longer input is refused before it costs anything.
MAX_EMAIL_LENGTH = 320

# A development front end registers user@app.test or user@localhost; no DNS is ever asked.
# Taking names off this list is the library's documented way to accept them.
for _domain in ("local", "localhost", "test"):
    email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(_domain)


@dataclass(frozen=True, slots=True)
class User:
    """An account as a store keeps it.

    `version` is the `ver` claim of the user's tokens: a random stamp, replaced to revoke them all.
    `created_at` is in seconds since the epoch.
    """

    email: EmailAddress
    password_hash: str
    security_stamp: str
    created_at: float


def new_security_stamp() -> str:
    """Return a version that no token carries yet."""
    return token_urlsafe(16)


def normalize_email(raw: str) -> EmailAddress:
    """Trim, NFC, IDNA domain, lower case: equal addresses become equal strings.

    Idempotent. Internationalised addresses (RFC 6531) are accepted. Raises `InvalidEmail`.
    """
    address = raw.strip()
    if len(address) > MAX_EMAIL_LENGTH:
        raise InvalidEmail
    try:
        # Lower-casing can make a new pair to compose ("İ" becomes "i" and a dot above),
        # so the library judges, and normalises, what is left after it.
        parts = email_validator.validate_email(
            normalize("NFC", address).lower(),
            check_deliverability=False,
            strict=True,  # RFC 5321 §4.5.3.1.1: at most 64 octets before the @
            globally_deliverable=not address.lower().endswith("@localhost"),
        )
    except email_validator.EmailNotValidError as error:
        raise InvalidEmail from error
    return EmailAddress(f"{parts.local_part}@{parts.ascii_domain}")
