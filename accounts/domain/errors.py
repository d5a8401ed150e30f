"""Everything that can go wrong, as types.

    AccountError
    ├── InvalidField             one field of the input is well-typed but unacceptable
    │   ├── InvalidEmail
    │   ├── DuplicateEmail
    │   ├── InvalidPassword      too short, too long, too common, not text
    │   └── WrongCurrentPassword
    ├── InvalidCredentials       wrong e-mail or password: which of the two, nobody learns
    ├── TokenError
    │   ├── TokenInvalid         malformed; the subclasses tell the log and the metrics more
    │   │   ├── UnknownKeyID  signed with a key that is not ours, or is no longer
    │   │   ├── InvalidTokenSignature      names a key of ours, and was not signed with it
    │   │   └── WrongTokenType     a refresh token for an access token, or the reverse
    │   ├── TokenExpired
    │   ├── TokenRevoked         its session was ended, or its user's version replaced
    │   └── TokenReused          a spent refresh token: somebody copied it
    └── ServiceUnavailable       try again after `retry_after` seconds
        ├── StoreUnavailable
        └── HashingOverloaded           too many passwords are being checked
            └── ServerOverloaded   too many requests wait, for passwords or for the store

Each class has a stable `code` for programs and a `detail` for people; neither ever
carries a password, a token or a secret. `accounts.rest.exceptions` turns them into responses.
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


class PasswordInvalidCharacters(InvalidPassword):
    code = "password_invalid_characters"
    detail = "The password contains a NUL or half of a surrogate pair."


class WrongCurrentPassword(InvalidField):
    code, field = "invalid_credentials", "current_password"
    detail = "The current password is wrong."


class InvalidCredentials(AccountError):
    code = "invalid_credentials"
    detail = "No account matches this e-mail address and password."


class TokenError(AccountError):
    """A token that opens nothing. `reason` is for logs and metrics; no client sees it."""

    reason: ClassVar[str]

    @property
    def log_reason(self) -> str:
        """Why, for the log: the reason, and what else is known."""
        return self.reason


class TokenInvalid(TokenError):
    code, reason = "token_invalid", "malformed"
    detail = "The token is not valid."


class UnknownKeyID(TokenInvalid):
    """`kid` is the token's: it has the form of ours, and is none of them."""

    reason = "unknown_key"

    def __init__(self, kid: str) -> None:
        self.kid = kid


class InvalidTokenSignature(TokenInvalid):
    reason = "bad_signature"


class WrongTokenType(TokenInvalid):
    reason = "wrong_type"


class TokenExpired(TokenError):
    """`ago` is for how many seconds it has been expired."""

    code, reason = "token_expired", "expired"
    detail = "The token has expired."

    def __init__(self, ago: float = 0.0) -> None:
        self.ago = ago

    @property
    def log_reason(self) -> str:
        return f"expired {self.ago:.0f} s ago"


class TokenRevoked(TokenError):
    code, reason = "token_revoked", "revoked"
    detail = "The token has been revoked."


class TokenReused(TokenError):
    code, reason = "token_reused", "reused"
    detail = "The refresh token was used before; its session has been ended."


class ServiceUnavailable(AccountError):
    """A passing fault: the same request may succeed after `retry_after` seconds."""

    retry_after: ClassVar[int]


class StoreUnavailable(ServiceUnavailable):
    code, retry_after = "store_unavailable", 2
    detail = "The account store cannot be reached."


class HashingOverloaded(ServiceUnavailable):
    code, retry_after = "overloaded", 2
    detail = "Too many passwords are being checked at the moment."


class ServerOverloaded(HashingOverloaded):
    detail = "Too many requests are waiting."


class StartupError(Exception):
    """The service must not start on this; the message names the file and how to mend it.

    Raised while a store is opened or seeds are read. A store that merely cannot be reached
    is `StoreUnavailable`, which stops no start.
    """
