"""The errors that the service raises on purpose; `accounts.rest.exceptions` makes responses.

Each class has a stable `code` for programs and a `detail` for people. Neither contains a
password, a token or a secret.
"""

from typing import ClassVar


class AccountError(Exception):
    """The base class of the service's errors."""

    code: ClassVar[str]
    detail: ClassVar[str]

    def __str__(self) -> str:
        return self.detail


class InvalidField(AccountError):
    """One `field` has the right type and an unacceptable value."""

    field: ClassVar[str]


class InvalidEmail(InvalidField):
    code, field = "invalid_email", "email"
    detail = "Enter a valid e-mail address."


class DuplicateEmail(InvalidField):
    code, field = "duplicate_email", "email"
    detail = "A user with this e-mail address already exists."


class InvalidPassword(InvalidField):
    """A password that the policy rejects; the subclasses are the reasons."""

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


class ProfileTooLarge(InvalidField):
    """The fields of a project's own, together."""

    code, field = "profile_too_large", "non_field_errors"
    detail = "The profile must have at most 4096 bytes as JSON."


class WrongCurrentPassword(InvalidField):
    code, field = "invalid_credentials", "current_password"
    detail = "The current password is wrong."


class InvalidCredentials(AccountError):
    code = "invalid_credentials"
    detail = "No account matches this e-mail address and password."


class TokenError(AccountError):
    """A token that is not accepted. `reason` is for logs and metrics; no client sees it."""

    reason: ClassVar[str]

    @property
    def log_reason(self) -> str:
        """The reason with details, for the log."""
        return self.reason


class TokenInvalid(TokenError):
    code, reason = "token_invalid", "malformed"
    detail = "The token is not valid."


class UnknownKeyID(TokenInvalid):
    """The token's `kid` has the right form, but is none of the configured keys."""

    reason = "unknown_key"

    def __init__(self, kid: str) -> None:
        self.kid = kid


class InvalidTokenSignature(TokenInvalid):
    reason = "bad_signature"


class WrongTokenType(TokenInvalid):
    reason = "wrong_type"


class TokenExpired(TokenError):
    """The token expired `seconds_ago`."""

    code, reason = "token_expired", "expired"
    detail = "The token has expired."

    def __init__(self, seconds_ago: float) -> None:
        self.seconds_ago = seconds_ago

    @property
    def log_reason(self) -> str:
        return f"expired {self.seconds_ago:.0f} s ago"


class TokenRevoked(TokenError):
    code, reason = "token_revoked", "revoked"
    detail = "The token has been revoked."


class TokenReused(TokenError):
    code, reason = "token_reused", "reused"
    detail = "The refresh token was used before; its session has been ended."


class UnknownSession(AccountError):
    code = "not_found"
    detail = "Not found."


class ServiceUnavailable(AccountError):
    """A temporary failure: the same request may succeed after `retry_after` seconds."""

    retry_after: ClassVar[int]


class StoreUnavailable(ServiceUnavailable):
    code, retry_after = "store_unavailable", 2
    detail = "The account store cannot be reached."


class ChangeUnconfirmed(StoreUnavailable):
    """Too few replicas of the store have confirmed a change in time."""

    detail = "The change was made, but it may be lost: the store has not confirmed it in time."


class HashingOverloaded(ServiceUnavailable):
    code, retry_after = "overloaded", 2
    detail = "Too many passwords are being checked at the moment."


class ServerOverloaded(ServiceUnavailable):
    code, retry_after = "overloaded", 2
    detail = "Too many requests are waiting."


class StartupError(Exception):
    """The service must not start. The message names the file and the remedy.

    Raised while a store is opened or seeds are read. A store that cannot be reached raises
    `StoreUnavailable` instead, which does not prevent a start.
    """
