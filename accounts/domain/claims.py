"""The claims of a token, independent of the library that encodes them (RFC 7519 §4)."""

from dataclasses import dataclass
from enum import StrEnum

from accounts.domain.users import EmailAddress


class TokenType(StrEnum):
    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of an access token. Times are whole seconds since the epoch.

    No token is issued with a `not_before`; one that has it is rejected until then.
    """

    email: EmailAddress
    security_stamp: str
    sid: str
    jti: str
    issued_at: int
    expires_at: int
    not_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims(Claims):
    """The claims of a refresh token. `rotation_count` is how often its session was rotated."""

    rotation_count: int
