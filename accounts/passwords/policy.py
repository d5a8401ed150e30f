"""Which passwords may be set, and the form in which they are hashed."""

from unicodedata import normalize

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from accounts.domain.errors import (
    PasswordInvalidCharacters,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)

MIN_LENGTH = 8
MAX_LENGTH = 1024


class PasswordPolicy:
    """Judges a password where one is set. Lengths are in code points after NFKC."""

    def __init__(self, *, reject_common: bool) -> None:
        self._common = CommonPasswordValidator() if reject_common else None

    def check(self, password: str) -> None:
        """Raise the subclass of `InvalidPassword` that applies."""
        text = normalize_password(password)
        if text is None:
            raise PasswordInvalidCharacters
        if len(text) < MIN_LENGTH:
            raise PasswordTooShort
        if len(text) > MAX_LENGTH:
            raise PasswordTooLong
        if self._common is not None:
            try:
                self._common.validate(text)
            except ValidationError as error:
                raise PasswordTooCommon from error


def normalize_password(password: str) -> str | None:
    """Return the password as it is hashed, or `None` where it is no text that can be."""
    if "\0" in password or any("\ud800" <= char <= "\udfff" for char in password):
        return None
    return normalize("NFKC", password)
