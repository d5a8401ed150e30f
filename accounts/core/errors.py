"""Everything that can go wrong, as types.

    AccountError
    ├── InvalidField             one field of the input is well-typed but unacceptable
    │   ├── InvalidEmail
    │   ├── DuplicateEmail
    │   ├── InvalidPassword      too short, too long, too common, not text
    │   └── WrongCurrentPassword
    ├── InvalidCredentials       wrong e-mail or password: which of the two, nobody learns
    ├── TokenError
    │   ├── TokenInvalid
    │   ├── TokenExpired
    │   ├── TokenRevoked         its session was ended, or its user's version replaced
    │   └── TokenReused          a spent refresh token: somebody copied it
    └── ServiceUnavailable       try again after `retry_after` seconds
        ├── StoreUnavailable
        └── Overloaded

Each class has a stable `code` for programs and a `detail` for people; neither ever
carries a password, a token or a secret. `accounts.exceptions` turns them into responses.
"""

from typing import ClassVar


class AccountError(Exception):
    """Base of every error that the service raises on purpose."""

    code: ClassVar[str]
    detail: ClassVar[str]

    def __str__(self) -> str:
        return self.detail


class InvalidField(AccountError):
    """One `field` of the input is well-typed but unacceptable."""

    field: ClassVar[str]


class InvalidEmail(InvalidField):
    code, field = "invalid_email", "email"
    detail = "Enter a valid e-mail address."


class DuplicateEmail(InvalidField):
    code, field = "duplicate_email", "email"
    detail = "A user with this e-mail address already exists."


class InvalidPassword(InvalidField):
    """A password that may not be set; the subclasses say why."""

    field = "password"


class PasswordTooShort(InvalidPassword):
    code = "password_too_short"
    detail = "The password must have at least 8 characters."


class PasswordTooLong(InvalidPassword):
    code = "password_too_long"
    detail = "The password must have at most 1024 characters."


class PasswordTooCommon(InvalidPassword):
    code = "password_too_common"
    detail = "This password is too common."


class PasswordNotText(InvalidPassword):
    code = "password_invalid_characters"
    detail = "The password contains a NUL or half of a surrogate pair."


class WrongCurrentPassword(InvalidField):
    code, field = "invalid_credentials", "current_password"
    detail = "The current password is wrong."


class InvalidCredentials(AccountError):
    code = "invalid_credentials"
    detail = "No account matches this e-mail address and password."


class TokenError(AccountError):
    """A token that opens nothing."""


class TokenInvalid(TokenError):
    code = "token_invalid"
    detail = "The token is not valid."


class TokenExpired(TokenError):
    code = "token_expired"
    detail = "The token has expired."


class TokenRevoked(TokenError):
    code = "token_revoked"
    detail = "The token has been revoked."


class TokenReused(TokenError):
    code = "token_reused"
    detail = "The refresh token was used before; its session has been ended."


class ServiceUnavailable(AccountError):
    """A passing fault: the same request may succeed after `retry_after` seconds."""

    retry_after: ClassVar[int]


class StoreUnavailable(ServiceUnavailable):
    code, retry_after = "store_unavailable", 2
    detail = "The account store cannot be reached."


class Overloaded(ServiceUnavailable):
    code, retry_after = "overloaded", 2
    detail = "Too many passwords are being checked at the moment."
