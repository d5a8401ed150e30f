"""Users and sessions as JSON: the format of every store that outlives its process."""

from dataclasses import fields
from typing import Any, TypeVar

import orjson

from accounts.domain.sessions import Session
from accounts.domain.users import User

T = TypeVar("T", User, Session)

# The stored name of each field, in the order of the fields. `version`, `generation` and `ended`
# are the names of the first version, and are read for ever.
STORED_NAMES: dict[type, tuple[str, ...]] = {
    User: ("email", "password_hash", "version", "created_at", "disabled"),
    Session: ("sid", "expires_at", "generation", "rotated_at", "ended"),
}

LATER_FIELDS = {"disabled": False}
"""Fields that an earlier version did not write, with what their absence means."""


def to_dict(record: User | Session) -> dict[str, Any]:
    values = [getattr(record, field.name) for field in fields(record)]
    return dict(zip(STORED_NAMES[type(record)], values, strict=True))


def from_dict(cls: type[T], stored: dict[str, Any]) -> T:
    """Raises `KeyError` if a field is missing."""
    stored = LATER_FIELDS | stored
    return cls(*[stored[name] for name in STORED_NAMES[cls]])


def dump(record: User | Session) -> str:
    return orjson.dumps(to_dict(record)).decode()


def load(cls: type[T], text: str | None) -> T | None:
    return from_dict(cls, orjson.loads(text)) if text else None
