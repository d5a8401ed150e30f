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
    """Raises `KeyError` where a field is missing."""
    return User(
        EmailAddress(fields["email"]),
        fields["password_hash"],
        fields["version"],
        fields["created_at"],
    )


def session_from_dict(fields: Fields) -> Session:
    """Raises `KeyError` where a field is missing."""
    return Session(
        fields["sid"],
        fields["expires_at"],
        fields["generation"],
        fields["rotated_at"],
        fields["ended"],
    )


def dump_user(user: User) -> str:
    return dump(user_to_dict(user))


def dump_session(session: Session) -> str:
    return dump(session_to_dict(session))


def load_user(text: str | None) -> User | None:
    return user_from_dict(json.loads(text)) if text else None


def load_session(text: str | None) -> Session | None:
    return session_from_dict(json.loads(text)) if text else None


def user_key(email: EmailAddress) -> str:
    return f"acct:{{{_tag(email)}}}:user"


def session_key(email: EmailAddress, sid: str) -> str:
    return f"acct:{{{_tag(email)}}}:session:{sid}"


def _tag(email: str) -> str:
    # A cluster's hash tag ends at the first closing brace, and an empty one counts as none.
    return email.replace("%", "%25").replace("}", "%7D")
