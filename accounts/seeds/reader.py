"""Reads accounts from JSON lines, from a Django fixture or from CSV.

{"email": "user@example.com", "password_hash": "bcrypt_sha256$$2b$12$…"}
{"email": "user@example.com", "password": "plain text, for convenience", "disabled": true}
{"email": "user@example.com", "password": "…", "profile": {"display_name": "Ada"}}
{"model": "auth.user", "pk": 1, "fields": {"email": "user@example.com", "password": "…", …}}
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from accounts.domain.errors import InvalidField, ProfileTooLarge, StartupError
from accounts.domain.interfaces import NormalizedPassword
from accounts.domain.users import NO_PROFILE, EmailAddress, dump_profile, normalize_email
from accounts.passwords.imported_hashes import UnsupportedHash, parse_hash
from accounts.passwords.policy import PasswordPolicy

ALLOWED_KEYS = ({"email", "password_hash"}, {"email", "password"})
OPTIONAL_KEYS: dict[str, type] = {"disabled": bool, "profile": dict}
MAX_REPORTED_ERRORS = 20


@dataclass(frozen=True, slots=True)
class SeedUser:
    """An account to add: with a hash, or with a password that is not hashed yet."""

    email: EmailAddress
    password_hash: str | None = field(default=None, repr=False)
    plaintext: NormalizedPassword | None = field(default=None, repr=False)
    disabled: bool = False
    profile_json: str = NO_PROFILE


@dataclass(frozen=True, slots=True)
class RefusedSeed:
    """An entry that is not added. The reason contains no password and no hash."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place} {self.reason}."


class InvalidSeed(ValueError):
    """The message is the reason of a `RefusedSeed`."""


def read_seeds(path: Path, policy: PasswordPolicy) -> list[SeedUser]:
    """Return the accounts of a file. Raises `StartupError`, which lists what is refused."""
    seeds, errors = [], []
    for seed in iter_seeds(path, policy):
        if isinstance(seed, SeedUser):
            seeds.append(seed)
        else:
            errors.append(f"{path} {seed}")
    if errors[MAX_REPORTED_ERRORS:]:
        errors[MAX_REPORTED_ERRORS:] = [f"{path} has {len(errors) - MAX_REPORTED_ERRORS} more."]
    if errors:
        raise StartupError("\n    ".join(errors))
    return seeds


def iter_seeds(path: Path, policy: PasswordPolicy) -> Iterator[SeedUser | RefusedSeed]:
    """Yield each account, or why it is refused. Raises `StartupError` for an unreadable file."""
    emails: set[EmailAddress] = set()
    try:
        with path.open("rb") as file:
            for place, entry in _iter_entries(file):
                try:
                    yield _parse_new_seed(entry, policy, emails)
                except InvalidSeed as error:
                    yield RefusedSeed(place, str(error))
    except OSError as error:
        raise StartupError(f"{path} cannot be read ({error.strerror}).") from error
    except (csv.Error, ValueError) as error:
        raise StartupError(f"{path} cannot be read: {error}.") from error


def _iter_entries(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield where each entry is, and its JSON or its columns. Raises `ValueError`."""
    match file.peek().lstrip()[:1]:
        case b"[":
            for number, entry in enumerate(orjson.loads(file.read()), 1):
                yield f"entry {number}", entry
        case b"{" | b"":
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"line {number}", line
        case _:
            yield from _iter_rows(file)


def _iter_rows(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    with io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        rows = csv.DictReader(text, strict=True)
        if set(rows.fieldnames or ()) != {"email", "password_hash"}:
            raise ValueError(
                "it is neither JSON lines, nor a JSON list, nor CSV with the header "
                "`email,password_hash`"
            )
        for row in rows:
            yield f"line {rows.line_num}", row


def _parse_new_seed(entry: Any, policy: PasswordPolicy, emails: set[EmailAddress]) -> SeedUser:
    """Return an account, and add its e-mail to those of the file. Raises `InvalidSeed`."""
    seed = _parse_seed(entry, policy)
    if seed.email in emails:
        raise InvalidSeed("has the e-mail address of an earlier account")
    emails.add(seed.email)
    return seed


def _parse_seed(entry: Any, policy: PasswordPolicy) -> SeedUser:
    fields = _get_fields(entry)
    if fields.keys() - OPTIONAL_KEYS.keys() not in ALLOWED_KEYS:
        raise InvalidSeed('must be {"email", "password_hash"} or {"email", "password"}')
    for key, value in fields.items():
        if not isinstance(value, OPTIONAL_KEYS.get(key, str)):
            raise InvalidSeed(f"has a value of the wrong type as `{key}`")
    try:
        return SeedUser(
            normalize_email(fields["email"]),
            parse_hash(fields["password_hash"]) if "password_hash" in fields else None,
            policy.validate(fields["password"]) if "password" in fields else None,
            disabled=fields.get("disabled", False),
            profile_json=dump_profile(fields.get("profile", {})),
        )
    except (ProfileTooLarge, TypeError) as error:
        raise InvalidSeed("has a profile that is too large, or nested too deep") from error
    except InvalidField as error:
        raise InvalidSeed(f"has an invalid {error.field}: {error.detail}") from error
    except UnsupportedHash as error:
        raise InvalidSeed(str(error)) from error


def _get_fields(entry: Any) -> dict[str, Any]:
    """Return the fields of a JSON object, of a Django user or of a row. Raises `InvalidSeed`."""
    try:
        fields = orjson.loads(entry) if isinstance(entry, bytes) else entry
    except orjson.JSONDecodeError as error:
        raise InvalidSeed("is no JSON") from error
    if not isinstance(fields, dict):
        raise InvalidSeed("is no object")
    if isinstance(fields.get("fields"), dict):
        return _get_django_fields(fields["fields"])
    return fields


def _get_django_fields(fields: dict[str, Any]) -> dict[str, Any]:
    if not {"email", "password"} <= fields.keys():
        raise InvalidSeed("is no user: it has no `email` and `password`")
    return {
        "email": fields["email"],
        "password_hash": fields["password"],
        "disabled": not fields.get("is_active", True),
    }
