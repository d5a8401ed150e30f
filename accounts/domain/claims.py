"""The claims of a token, independent of the library that encodes them (RFC 7519 §4)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from accounts.domain.users import EmailAddress

RESERVED_CLAIMS = frozenset(
    # RFC 7519 §4.1, this service's own, and what the header of a token has
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}
    | {"type", "sid", "gen", "ver", "remember", "auth_time"}
    | {"alg", "kid", "typ"}
)
"""Names that a project's own claims must not have."""

MAX_EXTRA_BYTES = 2048
"""What a project's own claims may have as JSON. A proxy refuses headers over 8 KiB."""

NO_EXTRA = "{}"


class TokenType(StrEnum):
    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of an access token. Times are whole seconds since the epoch.

    No token is issued with a `not_before`; one that has it is rejected until then. `extra_json` has
    the claims that a project adds, as a JSON object. A text, because verified claims are cached.
    `remember` is false if the login asked for a short session.
    """

    email: EmailAddress
    security_stamp: str
    sid: str
    jti: str
    issued_at: int
    expires_at: int
    not_before: int = 0
    remember: bool = True
    extra_json: str = NO_EXTRA

    @property
    def extra(self) -> dict[str, Any]:
        """The project's own claims: a new dictionary at each access."""
        extra: dict[str, Any] = json.loads(self.extra_json)
        return extra


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims(Claims):
    """The claims of a refresh token. `rotation_count` is how often its session was rotated.

    `auth_time` is the time of the login (OpenID Connect Core §2). Only tokens that have it slide.
    """

    rotation_count: int
    auth_time: int | None = None


class InvalidExtraClaims(ValueError):
    """The project's function returned claims that no token can have: a bug, not a bad request."""


def dump_extra(extra: Mapping[str, Any]) -> str:
    """Return an `extra_json`. Raises `InvalidExtraClaims`."""
    if reserved := sorted(RESERVED_CLAIMS & extra.keys()):
        raise InvalidExtraClaims(f"TOKEN_CLAIMS returned reserved claims: {', '.join(reserved)}")
    try:
        text = json.dumps(dict(extra), separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidExtraClaims(f"TOKEN_CLAIMS returned what is no JSON: {error}") from error
    if len(text) > MAX_EXTRA_BYTES:
        raise InvalidExtraClaims(
            f"TOKEN_CLAIMS returned {len(text):,} bytes of JSON; a token takes {MAX_EXTRA_BYTES:,}"
        )
    return text
