"""Accounts that exist from the start: `SEED_USERS_FILE`, one JSON object per line.

{"email": "user@example.com", "password_hash": "bcrypt_sha256$$2b$12$…"}
{"email": "user@example.com", "password": "plain text, for convenience"}
"""

import logging
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from accounts.domain.errors import InvalidField, ServiceUnavailable, StartupError
from accounts.domain.interfaces import AccountStore, Clock, NormalizedPassword, PasswordHasher
from accounts.domain.users import EmailAddress, User, new_security_stamp, normalize_email
from accounts.passwords.executor import HASHING_THREADS
from accounts.passwords.policy import PasswordPolicy

# The hashes that `BcryptHasher` makes. A cost above 16 would take a core minutes for each login.
HASH_RE = re.compile(
    r"bcrypt_sha256\$\$2b\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
)
ALLOWED_KEYS = ({"email", "password_hash"}, {"email", "password"})
MAX_REPORTED_ERRORS = 20
RETRY_SECONDS = 2.0

_sleep = threading.Event().wait

logger = logging.getLogger("accounts.seeds")


@dataclass(frozen=True, slots=True)
class SeedUser:
    """An account to add: with a hash, or with a password that is not hashed yet."""

    email: EmailAddress
    password_hash: str | None = field(default=None, repr=False)
    plaintext: NormalizedPassword | None = field(default=None, repr=False)


class InvalidSeed(ValueError):
    """A line that is not a valid seed. The message is the reason, and contains no password."""


def read_seeds(path: Path, policy: PasswordPolicy) -> list[SeedUser]:
    """Read a seed file. Raises `StartupError`, which lists the errors by line."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StartupError(f"{path} cannot be read ({error.strerror}).") from error
    seeds: dict[EmailAddress, SeedUser] = {}
    errors = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                _add_seed(seeds, _parse_seed(line, policy))
        except InvalidSeed as error:
            errors.append(f"{path} line {number} {error}.")
    if errors[MAX_REPORTED_ERRORS:]:
        errors[MAX_REPORTED_ERRORS:] = [f"{path} has {len(errors) - MAX_REPORTED_ERRORS} more."]
    if errors:
        raise StartupError("\n    ".join(errors))
    return list(seeds.values())


def _add_seed(seeds: dict[EmailAddress, SeedUser], seed: SeedUser) -> None:
    if seeds.setdefault(seed.email, seed) is not seed:
        raise InvalidSeed("has the e-mail address of an earlier line")


def _parse_seed(line: bytes, policy: PasswordPolicy) -> SeedUser:
    try:
        fields: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidSeed("is no JSON") from error
    if not isinstance(fields, dict) or set(fields) not in ALLOWED_KEYS:
        raise InvalidSeed('must be {"email", "password_hash"} or {"email", "password"}')
    if not all(isinstance(value, str) for value in fields.values()):
        raise InvalidSeed("has a value that is no string")
    try:
        email = normalize_email(fields["email"])
        if "password" in fields:
            return SeedUser(email, plaintext=policy.validate(fields["password"]))
    except InvalidField as error:
        raise InvalidSeed(f"has an invalid {error.field}: {error.detail}") from error
    if not HASH_RE.fullmatch(fields["password_hash"]):
        raise InvalidSeed("has a password_hash that `manage.py make_users` would not write")
    return SeedUser(email, password_hash=fields["password_hash"])


@dataclass(frozen=True)
class SeedLoader:
    """Adds the accounts that are missing; never changes an existing one."""

    seeds: Sequence[SeedUser]
    store: AccountStore
    hasher: PasswordHasher
    clock: Clock

    def load(self) -> None:
        """Add the missing accounts. Raises `ServiceUnavailable`."""
        added = self.store.add_users(
            self._new_user(seed.email, seed.password_hash)
            for seed in self.seeds
            if seed.password_hash is not None
        )
        added += self.store.add_users(self._hash_missing())
        logger.info("seeded %d of %d accounts", added, len(self.seeds))

    def _hash_missing(self) -> list[User]:
        # A hash takes a quarter of a second, so only missing accounts are hashed.
        missing = [
            (seed.email, seed.plaintext)
            for seed in self.seeds
            if seed.plaintext is not None and self.store.get_user(seed.email) is None
        ]
        with ThreadPoolExecutor(HASHING_THREADS) as threads:
            hashes = threads.map(self.hasher.hash, (plaintext for _, plaintext in missing))
            return [
                self._new_user(email, password_hash)
                for (email, _), password_hash in zip(missing, hashes, strict=True)
            ]

    def _new_user(self, email: EmailAddress, password_hash: str) -> User:
        return User(email, password_hash, new_security_stamp(), self.clock())

    def load_with_retry(self, sleep: Callable[[float], object] = _sleep) -> threading.Thread | None:
        """Add the missing accounts; if the store is unavailable, retry on a thread."""
        try:
            self.load()
        except ServiceUnavailable:
            logger.warning("the seeds are added when the store can be reached")
            thread = threading.Thread(target=self._retry, args=(sleep,), daemon=True)
            thread.start()
            return thread
        return None

    def _retry(self, sleep: Callable[[float], object]) -> None:
        while True:
            sleep(RETRY_SECONDS)
            with suppress(ServiceUnavailable):
                self.load()
                return
