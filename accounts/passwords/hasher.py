"""Hashes passwords with bcrypt, and verifies them."""

import logging
import time

import bcrypt
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from accounts.domain.interfaces import NormalizedPassword, SubmittedPassword
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.imported_hashes import UnsupportedHash, parse_hash, verify_imported
from accounts.throttled_logging import ThrottledLogger

logger = logging.getLogger("accounts.passwords")


class BcryptHasher:
    """A `PasswordHasher`. `rounds` is bcrypt's cost: each step up doubles the time."""

    def __init__(self, *, rounds: int, executor: HashingExecutor) -> None:
        self._django = BCryptSHA256PasswordHasher()
        self._django.rounds = rounds
        self._executor = executor
        self._dummy_hash = make_dummy_hash(self._django)
        self._logger = ThrottledLogger(logger, time.time)

    def hash(self, password: NormalizedPassword) -> str:
        return self._executor.run(lambda: self._django.encode(password, self._django.salt()))

    def verify(
        self, password: SubmittedPassword | None, encoded: str | None, *, account: str
    ) -> bool:
        known = None if password is None or encoded is None else self._parse(encoded, account)
        texts, checked = _get_forms(password), known or self._dummy_hash
        return self._executor.run(lambda: any(self._verify(text, checked) for text in texts))

    def must_update(self, encoded: str) -> bool:
        return not self._is_own(encoded) or self._django.must_update(encoded)

    def _parse(self, encoded: str, account: str) -> str | None:
        """Return a stored hash in Django's form, or `None` if it cannot be verified."""
        try:
            return parse_hash(encoded)
        except UnsupportedHash as error:
            self._logger.warning(
                "the password_hash of %s cannot be verified: the account %s", account, error
            )
            return None

    def _is_own(self, encoded: str) -> bool:
        return encoded.startswith(f"{self._django.algorithm}$")

    def _verify(self, password: str, encoded: str) -> bool:
        if not self._is_own(encoded):
            return verify_imported(password, encoded)
        matches: bool = self._django.verify(password, encoded)
        if not matches and self.must_update(encoded):
            # Equalizes timing: a check against a cheaper old hash takes as long as for an
            # unknown user.
            self._django.harden_runtime(password, encoded)
        return matches


def _get_forms(password: SubmittedPassword | None) -> list[str]:
    """Return the texts to verify. The imported hash of a Django user may be of the raw one."""
    if password is None:
        return [""]
    return list(dict.fromkeys((password.normalized, password.raw)))


def make_dummy_hash(hasher: BCryptSHA256PasswordHasher) -> str:
    """Return a hash that matches no password, and takes as long to verify as a real one."""
    return f"{hasher.algorithm}${bcrypt.gensalt(hasher.rounds).decode()}"  # without a checksum


def estimate_seconds(rounds: int) -> float:
    """Return about how long a hash takes: a quarter of a second at cost 12."""
    return 0.25 * 2.0 ** (rounds - 12)
