"""Accounts that exist from the start: `SEED_USERS_FILE`, JSON lines of `email` and a password.

{"email": "user@example.com", "password_hash": "bcrypt_sha256$$2b$12$…"}
{"email": "user@example.com", "password": "in the clear, for convenience"}
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accounts.domain.errors import InvalidEmail, InvalidPassword, ServiceUnavailable, StartupError
from accounts.domain.interfaces import AccountStore, Clock, PasswordHasher
from accounts.domain.users import EmailAddress, User, new_security_stamp, normalize_email
from accounts.passwords.executor import HASHING_THREADS
from accounts.passwords.policy import PasswordPolicy

# What our hasher makes. A cost above 16 would keep a core busy for minutes at each login.
HASH = re.compile(r"bcrypt_sha256\$\$2b\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
KEYS = ({"email", "password_hash"}, {"email", "password"})
MANY_FAULTS = 20
RETRY_SECONDS = 2.0
_pause = threading.Event().wait

logger = logging.getLogger("accounts.seeds")


@dataclass(frozen=True, slots=True)
class SeedUser:
    """An account to be: with a hash, or with a password still to be hashed."""

    email: EmailAddress
    password_hash: str | None = field(repr=False)
    password: str | None = field(repr=False)


class InvalidSeed(ValueError):
    """A line that is no seed; the message says why and repeats no password."""


def read_seeds(path: Path, policy: PasswordPolicy) -> list[SeedUser]:
    """Read a seed file. Raises `StartupError`, which lists the faults by line."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StartupError(f"{path} cannot be read ({error.strerror}).") from error
    seeds: dict[EmailAddress, SeedUser] = {}
    faults = []
    for number, line in enumerate(lines, 1):
        try:
            seed = _seed(line, policy) if line.strip() else None
            if seed and seeds.setdefault(seed.email, seed) is not seed:
                raise InvalidSeed("has the e-mail address of an earlier line")  # noqa: TRY301  # the except adds the line
        except InvalidSeed as fault:
            faults.append(f"{path} line {number} {fault}.")
    if faults:
        more = [f"{path} has {len(faults) - MANY_FAULTS} more."] if faults[MANY_FAULTS:] else []
        raise StartupError("\n    ".join(faults[:MANY_FAULTS] + more))
    return list(seeds.values())


def _seed(line: bytes, policy: PasswordPolicy) -> SeedUser:
    try:
        fields: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidSeed("is no JSON") from error
    if not isinstance(fields, dict) or set(fields) not in KEYS:
        raise InvalidSeed('must be {"email", "password_hash"} or {"email", "password"}')
    if not all(isinstance(value, str) for value in fields.values()):
        raise InvalidSeed("has a value that is no string")
    seed = SeedUser(_email(fields["email"]), fields.get("password_hash"), fields.get("password"))
    if seed.password_hash is not None and not HASH.fullmatch(seed.password_hash):
        raise InvalidSeed("has a password_hash that `manage.py make_users` would not write")
    if seed.password is not None:
        _judge(seed.password, policy)
    return seed


def _email(raw: str) -> EmailAddress:
    try:
        return normalize_email(raw)
    except InvalidEmail as error:
        raise InvalidSeed("has no valid e-mail address") from error


def _judge(password: str, policy: PasswordPolicy) -> None:
    try:
        policy.check(password)
    except InvalidPassword as error:
        raise InvalidSeed(f"has a password that is refused: {error.detail}") from error


class SeedLoader:
    """Adds the accounts that are missing, and changes none that is there."""

    def __init__(
        self,
        seeds: Iterable[SeedUser],
        store: AccountStore,
        hasher: PasswordHasher,
        clock: Clock,
    ) -> None:
        self._seeds = list(seeds)
        self._store = store
        self._hasher = hasher
        self._clock = clock

    def load(self) -> None:
        """Add what is missing. Raises `ServiceUnavailable`."""
        hashed = [seed for seed in self._seeds if seed.password_hash is not None]
        # Hashing takes a quarter of a second each: only for those that are missing.
        clear = [
            seed
            for seed in self._seeds
            if seed.password is not None and self._store.get_user(seed.email) is None
        ]
        added = self._store.add_users(map(self._user, hashed))
        with ThreadPoolExecutor(HASHING_THREADS) as threads:
            added += self._store.add_users(list(threads.map(self._user, clear)))
        logger.info("seeded %d of %d accounts", added, len(self._seeds))

    def load_with_retry(self, pause: Callable[[float], object] = _pause) -> threading.Thread | None:
        """Add what is missing, now or, from a thread, as soon as the store is there."""
        try:
            self.load()
        except ServiceUnavailable:
            logger.warning("the seeds are added when the store can be reached")
            thread = threading.Thread(target=self._keep_trying, args=(pause,), daemon=True)
            thread.start()
            return thread
        return None

    def _keep_trying(self, pause: Callable[[float], object]) -> None:
        while True:
            pause(RETRY_SECONDS)
            try:
                self.load()
            except ServiceUnavailable:
                continue
            return

    def _user(self, seed: SeedUser) -> User:
        hashed = seed.password_hash or self._hasher.hash(seed.password or "")
        return User(seed.email, hashed, new_security_stamp(), self._clock())
