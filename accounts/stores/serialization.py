"""Users and sessions as JSON: the format of every store that outlives its process."""

from dataclasses import fields
from types import NoneType
from typing import Any, TypeVar

import orjson

from accounts.domain.sessions import Session
from accounts.domain.users import NO_PROFILE, User

T = TypeVar("T", User, Session)

TIME = (float, int)

MAX_TIME = 32_503_680_000
"""The year 3000. A date cannot have every number as its seconds."""

# The stored name of each field with its types, in the order of the fields. `version`, `generation`
# and `ended` are the names of the first version, and are read for ever.
STORED_FIELDS: dict[type, dict[str, tuple[type, ...]]] = {
    User: {
        "email": (str,),
        "password_hash": (str,),
        "version": (str,),
        "created_at": TIME,
        "disabled": (bool,),
        "profile": (dict,),
    },
    Session: {
        "sid": (str,),
        "expires_at": (int,),
        "generation": (int,),
        "rotated_at": TIME,
        "ended": (bool,),
        "created_at": TIME,
        "refreshed_at": TIME,
        "client": (str, NoneType),
        "version": (str,),
    },
}

LATER_FIELDS: dict[type, dict[str, Any]] = {
    User: {"disabled": False, "profile": {}},
    Session: {"created_at": 0.0, "refreshed_at": 0.0, "client": None, "version": ""},
}
"""Fields that an earlier version did not write, with what their absence means.

With this value, a field is not written: the record is then what that version writes.
"""


class DamagedRecord(ValueError):
    """A record that this service did not write. The message says why, and has no stored value."""


def to_dict(record: User | Session) -> dict[str, Any]:
    values = [getattr(record, field.name) for field in fields(record)]
    stored = dict(zip(STORED_FIELDS[type(record)], values, strict=True))
    if isinstance(record, User):
        stored["profile"] = orjson.loads(record.profile_json)
    absent = LATER_FIELDS[type(record)]
    return {name: value for name, value in stored.items() if absent.get(name) != value}


def from_dict(cls: type[T], stored: object) -> T:
    """Raises `DamagedRecord`."""
    if not isinstance(stored, dict):
        raise DamagedRecord("is no JSON object")
    values: dict[str, Any] = LATER_FIELDS[cls] | stored
    for name, types in STORED_FIELDS[cls].items():
        value: Any = values.get(name)
        # Not `isinstance`: a bool is no number here.
        if type(value) not in types or (types is TIME and abs(value) > MAX_TIME):
            raise DamagedRecord(f"has no valid {name}")
    if cls is User:
        values["profile"] = _dump_profile(values["profile"])
    return cls(*[values[name] for name in STORED_FIELDS[cls]])


def _dump_profile(profile: dict[str, Any]) -> str:
    if not profile:
        return NO_PROFILE
    try:
        return orjson.dumps(profile).decode()
    except orjson.JSONEncodeError as error:  # nested too deep
        raise DamagedRecord("has no valid profile") from error


def dump(record: User | Session) -> str:
    return orjson.dumps(to_dict(record)).decode()


def load(cls: type[T], text: str | None) -> T | None:
    """Return the record, or `None` if there is none. Raises `DamagedRecord`."""
    if text is None:
        return None
    try:
        stored = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DamagedRecord("is no JSON object") from error
    return from_dict(cls, stored)
