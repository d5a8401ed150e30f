"""Security events, named as in OWASP's Logging Vocabulary Cheat Sheet.

`user_disabled` and `user_enabled` are not in it.
"""

from enum import StrEnum


class Event(StrEnum):
    LOGIN_SUCCESS = "authn_login_success"
    LOGIN_FAIL = "authn_login_fail"
    USER_CREATED = "user_created"
    TOKEN_CREATED = "authn_token_created"  # noqa: S105  # the name of an event
    TOKEN_REVOKED = "authn_token_revoked"  # noqa: S105  # the name of an event
    TOKEN_REUSE = "authn_token_reuse"  # noqa: S105  # the name of an event
    USER_UPDATED = "user_updated"
    USER_DELETED = "user_deleted"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    PASSWORD_CHANGE = "authn_password_change"  # noqa: S105  # the name of an event
