"""Passwords: the policy for new ones, and bcrypt behind a bounded pool at low priority.

bcrypt takes a quarter of a second of a core and releases the GIL meanwhile. Run on the
server's own threads, a handful of logins starves every other request. So hashing has one
thread per core of its own, which the scheduler serves last, and a bound on how many hashes
may be running or waiting: past it a caller gets `Overloaded` at once.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from unicodedata import normalize

import bcrypt
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from accounts.core.errors import (
    Overloaded,
    PasswordNotText,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)

T = TypeVar("T")

MIN_LENGTH = 8
MAX_LENGTH = 1024

HASHING_THREADS = os.cpu_count() or 1
"""One per core: more would only take turns."""

MAX_PENDING_HASHES = 12 * HASHING_THREADS
"""Hashes running or waiting: at cost 12 the last in the queue waits about three seconds."""

# The weight of nice 10 is a tenth of nice 0's (sched(7)): hashing yields to requests, and
# still moves where they keep every core busy.
HASHING_NICENESS = 10


class PasswordPolicy:
    """Judges a password where one is set. Lengths are in code points after NFKC."""

    def __init__(self, *, reject_common: bool) -> None:
        self._common = CommonPasswordValidator() if reject_common else None

    def check(self, password: str) -> None:
        """Raise the subclass of `InvalidPassword` that applies."""
        text = prepare(password)
        if text is None:
            raise PasswordNotText
        if len(text) < MIN_LENGTH:
            raise PasswordTooShort
        if len(text) > MAX_LENGTH:
            raise PasswordTooLong
        if self._common is not None:
            try:
                self._common.validate(text)
            except ValidationError as error:
                raise PasswordTooCommon from error


class BcryptHasher:
    """A `PasswordHasher`. `rounds` is bcrypt's cost: the base-2 logarithm of its work."""

    def __init__(self, *, rounds: int, policy: PasswordPolicy, pool: "HashingPool") -> None:
        self._django = BCryptSHA256PasswordHasher()
        self._django.rounds = rounds
        self._policy = policy
        self._pool = pool
        self._nobody = _unmatchable_hash(self._django)

    def hash(self, password: str) -> str:
        self._policy.check(password)
        text = normalize("NFKC", password)
        return self._pool.run(lambda: self._django.encode(text, self._django.salt()))

    def verify(self, password: str, encoded: str | None) -> bool:
        text = prepare(password)
        if encoded is None or text is None or not MIN_LENGTH <= len(text) <= MAX_LENGTH:
            text, encoded = "", self._nobody
        return self._pool.run(lambda: self._verify(text, encoded))

    def must_update(self, encoded: str) -> bool:
        return bool(self._django.must_update(encoded))

    def _verify(self, password: str, encoded: str) -> bool:
        matches: bool = self._django.verify(password, encoded)
        if not matches and self.must_update(encoded):
            # A wrong password takes as long for a hash of a lower cost as for nobody's.
            self._django.harden_runtime(password, encoded)
        return matches


class HashingPool:
    """Low-priority threads for slow functions: at most `bound` of them run or wait at a time."""

    def __init__(
        self,
        *,
        threads: int = HASHING_THREADS,
        bound: int = MAX_PENDING_HASHES,
        on_waiting: Callable[[int], None] = lambda change: None,
        on_done: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`on_waiting` is told +1 and -1, `on_done` the seconds that a function ran."""
        self._on_waiting, self._on_done = on_waiting, on_done
        self._places = threading.BoundedSemaphore(bound)
        self._executor = ThreadPoolExecutor(threads, "hashing", initializer=_lower_priority)

    def run(self, function: Callable[[], T]) -> T:
        """Return the function's result. Raises `Overloaded` where every place is taken."""
        if not self._places.acquire(blocking=False):
            raise Overloaded
        try:
            self._on_waiting(1)
            return self._executor.submit(self._run, function).result()
        finally:
            self._places.release()

    def _run(self, function: Callable[[], T]) -> T:
        self._on_waiting(-1)
        started = time.perf_counter()
        try:
            return function()
        finally:
            self._on_done(time.perf_counter() - started)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


def prepare(password: str) -> str | None:
    """Return the password as it is hashed, or `None` where it is no text that can be."""
    if "\0" in password or any("\ud800" <= char <= "\udfff" for char in password):
        return None
    return normalize("NFKC", password)


def _lower_priority() -> None:
    # Linux schedules threads, and takes a thread's id where others only take a process's.
    if sys.platform == "linux":  # pragma: no branch  # the tests run on Linux
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


def _unmatchable_hash(hasher: BCryptSHA256PasswordHasher) -> str:
    """Return a hash of nothing: costs as much to verify as a real one, and never matches."""
    checksum = "." * 31
    return f"{hasher.algorithm}${bcrypt.gensalt(hasher.rounds).decode()}{checksum}"
