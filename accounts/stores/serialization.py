"""Users and sessions as JSON: how every store that outlives the process keeps them."""

import json
from typing import Any

from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User

Fields = dict[str, Any]

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dump(fields: Fields) -> str:
    """Return compact JSON in one line."""
    return _encoder.encode(fields)


def user_fields(user: User) -> Fields:
    return {
        "email": user.email,
        "password_hash": user.password_hash,
        "version": user.version,
        "created_at": user.created_at,
    }


def session_fields(session: Session) -> Fields:
    return {
        "sid": session.sid,
        "expires_at": session.expires_at,
        "generation": session.generation,
        "rotated_at": session.rotated_at,
        "ended": session.ended,
    }


def to_user(fields: Fields) -> User:
    """Raises `KeyError` where a field is missing."""
    return User(
        EmailAddress(fields["email"]),
        fields["password_hash"],
        fields["version"],
        fields["created_at"],
    )


def to_session(fields: Fields) -> Session:
    """Raises `KeyError` where a field is missing."""
    return Session(
        fields["sid"],
        fields["expires_at"],
        fields["generation"],
        fields["rotated_at"],
        fields["ended"],
    )


def dump_user(user: User) -> str:
    return dump(user_fields(user))


def dump_session(session: Session) -> str:
    return dump(session_fields(session))


def load_user(text: str | None) -> User | None:
    return to_user(json.loads(text)) if text else None


def load_session(text: str | None) -> Session | None:
    return to_session(json.loads(text)) if text else None


def user_key(email: EmailAddress) -> str:
    return f"acct:{{{_tag(email)}}}:user"


def session_key(email: EmailAddress, sid: str) -> str:
    return f"acct:{{{_tag(email)}}}:session:{sid}"


def _tag(email: str) -> str:
    # A cluster's hash tag ends at the first closing brace, and an empty one counts as none.
    return email.replace("%", "%25").replace("}", "%7D")
