"""Hashes and verifies passwords with bcrypt."""

from unicodedata import normalize

import bcrypt
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from accounts.passwords.executor import HashingExecutor
from accounts.passwords.policy import MAX_LENGTH, MIN_LENGTH, PasswordPolicy, normalize_password


class BcryptHasher:
    """A `PasswordHasher`. `rounds` is bcrypt's cost: the base-2 logarithm of its work."""

    def __init__(self, *, rounds: int, policy: PasswordPolicy, pool: HashingExecutor) -> None:
        self._django = BCryptSHA256PasswordHasher()
        self._django.rounds = rounds
        self._policy = policy
        self._pool = pool
        self._dummy_hash = make_dummy_hash(self._django)

    def hash(self, password: str) -> str:
        self._policy.check(password)
        text = normalize("NFKC", password)
        return self._pool.run(lambda: self._django.encode(text, self._django.salt()))

    def verify(self, password: str, encoded: str | None) -> bool:
        text = normalize_password(password)
        if encoded is None or text is None or not MIN_LENGTH <= len(text) <= MAX_LENGTH:
            text, encoded = "", self._dummy_hash
        return self._pool.run(lambda: self._verify(text, encoded))

    def must_update(self, encoded: str) -> bool:
        return bool(self._django.must_update(encoded))

    def _verify(self, password: str, encoded: str) -> bool:
        matches: bool = self._django.verify(password, encoded)
        if not matches and self.must_update(encoded):
            # A wrong password takes as long for a hash of a lower cost as for nobody's.
            self._django.harden_runtime(password, encoded)
        return matches


def make_dummy_hash(hasher: BCryptSHA256PasswordHasher) -> str:
    """Return a hash of nothing: costs as much to verify as a real one, and never matches."""
    checksum = "." * 31
    return f"{hasher.algorithm}${bcrypt.gensalt(hasher.rounds).decode()}{checksum}"
