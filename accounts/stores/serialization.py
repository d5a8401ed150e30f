"""Users and sessions as JSON: the format of every store that outlives its process.

What is stored keeps the names of the first version: `version` is a user's security stamp,
`generation` a session's rotation count, `ended` whether it is revoked.
"""

from typing import Any

import orjson

from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User

Fields = dict[str, Any]


def user_to_dict(user: User) -> Fields:
    return {
        "email": user.email,
        "password_hash": user.password_hash,
        "version": user.security_stamp,
        "created_at": user.created_at,
    }


def session_to_dict(session: Session) -> Fields:
    return {
        "sid": session.sid,
        "expires_at": session.expires_at,
        "generation": session.rotation_count,
        "rotated_at": session.rotated_at,
        "ended": session.revoked,
    }


def user_from_dict(fields: Fields) -> User:
    """Raises `KeyError` if a field is missing."""
    return User(
        EmailAddress(fields["email"]),
        fields["password_hash"],
        fields["version"],
        fields["created_at"],
    )


def session_from_dict(fields: Fields) -> Session:
    """Raises `KeyError` if a field is missing."""
    return Session(
        fields["sid"],
        fields["expires_at"],
        fields["generation"],
        fields["rotated_at"],
        fields["ended"],
    )


def dump_user(user: User) -> str:
    return orjson.dumps(user_to_dict(user)).decode()


def dump_session(session: Session) -> str:
    return orjson.dumps(session_to_dict(session)).decode()


def load_user(text: str | None) -> User | None:
    return user_from_dict(orjson.loads(text)) if text else None


def load_session(text: str | None) -> Session | None:
    return session_from_dict(orjson.loads(text)) if text else None
