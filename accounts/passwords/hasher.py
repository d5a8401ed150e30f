"""Hashes and verifies passwords with bcrypt."""

import bcrypt
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from accounts.domain.interfaces import NormalizedPassword
from accounts.passwords.executor import HashingExecutor


class BcryptHasher:
    """A `PasswordHasher`. `rounds` is bcrypt's cost: each step up doubles the time."""

    def __init__(self, *, rounds: int, executor: HashingExecutor) -> None:
        self._django = BCryptSHA256PasswordHasher()
        self._django.rounds = rounds
        self._executor = executor
        self._dummy_hash = make_dummy_hash(self._django)

    def hash(self, password: NormalizedPassword) -> str:
        return self._executor.run(lambda: self._django.encode(password, self._django.salt()))

    def verify(self, password: NormalizedPassword | None, encoded: str | None) -> bool:
        if password is None or encoded is None:
            password, encoded = NormalizedPassword(""), self._dummy_hash
        return self._executor.run(lambda: self._verify(password, encoded))

    def must_update(self, encoded: str) -> bool:
        return bool(self._django.must_update(encoded))

    def _verify(self, password: str, encoded: str) -> bool:
        matches: bool = self._django.verify(password, encoded)
        if not matches and self.must_update(encoded):
            # Equalizes timing: a check against a cheaper old hash takes as long as for an
            # unknown user.
            self._django.harden_runtime(password, encoded)
        return matches


def make_dummy_hash(hasher: BCryptSHA256PasswordHasher) -> str:
    """Return a hash that matches no password, and takes as long to verify as a real one."""
    checksum = "." * 31
    return f"{hasher.algorithm}${bcrypt.gensalt(hasher.rounds).decode()}{checksum}"
