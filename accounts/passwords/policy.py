"""Which passwords may be set, and the form in which they are hashed."""

import re
from unicodedata import normalize

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from accounts.domain.errors import (
    PasswordInvalidCharacters,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)
from accounts.domain.interfaces import NormalizedPassword, SubmittedPassword

# In code points, of the password as sent and after NFKC. JSON Schema counts those that are sent.
MIN_LENGTH = 8
MAX_LENGTH = 1024

# NUL, and surrogates, which UTF-8 cannot encode.
INVALID_CHARACTERS_RE = re.compile("[\0\ud800-\udfff]")


class PasswordPolicy:
    """Validates a password that somebody wants to set."""

    def __init__(self, *, reject_common: bool) -> None:
        self._common = CommonPasswordValidator() if reject_common else None

    def validate(self, password: str) -> NormalizedPassword:
        """Return the password to hash. Raises the subclass of `InvalidPassword` that applies."""
        if INVALID_CHARACTERS_RE.search(password):
            raise PasswordInvalidCharacters
        normalized = _normalize(password)
        lengths = len(password), len(normalized)
        if min(lengths) < MIN_LENGTH:
            raise PasswordTooShort
        if max(lengths) > MAX_LENGTH:
            raise PasswordTooLong
        if self._common is not None:
            try:
                self._common.validate(normalized)
            except ValidationError as error:
                raise PasswordTooCommon from error
        return normalized


def parse_password(password: str) -> SubmittedPassword | None:
    """Return the password to verify, or `None` if no account can have it.

    An imported password may be shorter or longer than the policy allows.
    """
    if not password or INVALID_CHARACTERS_RE.search(password):
        return None
    return SubmittedPassword(password, _normalize(password))


def _normalize(password: str) -> NormalizedPassword:
    # Nobody can set a longer one, and NFKC takes quadratic time: 0.3 s for 16 kB of accents.
    if len(password) > MAX_LENGTH:
        return NormalizedPassword(password)
    return NormalizedPassword(normalize("NFKC", password))
