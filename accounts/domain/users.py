"""The user with its profile, and the normalization of e-mail addresses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from secrets import token_urlsafe
from typing import Any, NewType
from unicodedata import normalize

import email_validator
import orjson

from accounts.domain.errors import InvalidEmail, ProfileTooLarge

EmailAddress = NewType("EmailAddress", str)
"""A normalized e-mail address. Only `normalize_email` makes one."""

# RFC 5321 §4.5.3.1: 64 octets, "@", 255 octets. Longer input is rejected before any other work.
MAX_EMAIL_LENGTH = 320

MAX_PROFILE_BYTES = 4096
"""What a profile may have as JSON in UTF-8. A store reads it at each request of its user."""

NO_PROFILE = "{}"

# With one of these, an address would look like another account's: what email-validator leaves of
# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), blanks and replacements.
INVISIBLE_CHARACTERS_RE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
    "\u2800\U00013441\U00013442\U00016fe4\U0001d159\ufffc\ufffd]"
)

# Accept development domains, such as user@app.test; addresses are never looked up in DNS.
# Changing this list is the way that email-validator documents. A project may have done it, too.
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    name
    for name in email_validator.SPECIAL_USE_DOMAIN_NAMES
    if name not in {"local", "localhost", "test"}
]


@dataclass(frozen=True, slots=True)
class User:
    """An account as a store keeps it.

    `security_stamp` is the `ver` claim of the user's tokens. It is random; replacing it revokes
    all of them. `created_at` is in seconds since the epoch. A `disabled` user cannot log in.

    `profile_json` has the fields that a project adds to its users, as a JSON object. As a text it
    cannot change in place, and a user with `true` never equals one with `1`.
    """

    email: EmailAddress
    password_hash: str
    security_stamp: str
    created_at: float
    disabled: bool = False
    profile_json: str = NO_PROFILE

    @property
    def profile(self) -> dict[str, Any]:
        """The project's own fields: a new dictionary at each access."""
        profile: dict[str, Any] = orjson.loads(self.profile_json)
        return profile

    def with_profile(self, changes: Mapping[str, Any]) -> "User":
        """Return the user with these fields added or replaced. Raises as `dump_profile` does."""
        return replace(self, profile_json=dump_profile({**self.profile, **changes}))


def dump_profile(profile: Mapping[str, Any]) -> str:
    """Return a `profile_json`. Raises `ProfileTooLarge`, or `TypeError` for what is no JSON."""
    # orjson refuses 255 levels. The lists stand for those that a store's record has around it.
    text = orjson.dumps([[[dict(profile)]]])[3:-3]
    if len(text) > MAX_PROFILE_BYTES:
        raise ProfileTooLarge
    return text.decode()


def new_security_stamp() -> str:
    """Return a random stamp, which no token has yet."""
    return token_urlsafe(16)


def normalize_email(raw: str) -> EmailAddress:
    """Return the address trimmed, in NFC and lower case, with its domain in IDNA form.

    Equal addresses become equal strings, and a second call changes nothing. Internationalized
    addresses (RFC 6531) are accepted, but none with an invisible character before the @, not even
    U+200C or U+200D. Raises `InvalidEmail`.
    """
    address = raw.strip()
    if len(address) > MAX_EMAIL_LENGTH:
        raise InvalidEmail
    try:
        # Lower case comes first: "İ" becomes "i" and a combining dot, which NFC may compose.
        parts = email_validator.validate_email(
            normalize("NFC", address).lower(),
            check_deliverability=False,
            strict=True,  # RFC 5321 §4.5.3.1.1: at most 64 octets before the @
            globally_deliverable=not address.lower().endswith("@localhost"),
        )
    except email_validator.EmailNotValidError as error:
        raise InvalidEmail from error
    if INVISIBLE_CHARACTERS_RE.search(parts.local_part):
        raise InvalidEmail
    return EmailAddress(f"{parts.local_part}@{parts.ascii_domain}")
