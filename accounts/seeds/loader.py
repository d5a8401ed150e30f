"""Adds the accounts of a file to a store."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from accounts.domain.errors import ServiceUnavailable
from accounts.domain.interfaces import AccountStore, Clock, PasswordHasher
from accounts.domain.users import User, new_security_stamp
from accounts.passwords.executor import HASHING_THREADS
from accounts.seeds.reader import SeedUser

RETRY_SECONDS = 2.0

logger = logging.getLogger("accounts.seeds")


@dataclass(frozen=True)
class SeedLoader:
    """Adds the accounts that are missing; never changes an existing one."""

    seeds: Sequence[SeedUser]
    store: AccountStore
    hasher: PasswordHasher
    clock: Clock

    def load(self, show_progress: Callable[[Iterable[User]], Iterable[User]] = iter) -> int:
        """Add the missing accounts, and return how many. Raises `ServiceUnavailable`."""
        hashed = (
            self._new_user(seed, seed.password_hash)
            for seed in self.seeds
            if seed.password_hash is not None
        )
        return self.store.add_users(show_progress(hashed)) + self.store.add_users(
            self._hash_missing()
        )

    def _hash_missing(self) -> list[User]:
        # A hash takes a quarter of a second, so only missing accounts are hashed.
        missing = [
            (seed, seed.plaintext)
            for seed in self.seeds
            if seed.plaintext is not None and self.store.get_user(seed.email) is None
        ]
        with ThreadPoolExecutor(HASHING_THREADS) as threads:
            hashes = threads.map(self.hasher.hash, (plaintext for _, plaintext in missing))
            return [
                self._new_user(seed, password_hash)
                for (seed, _), password_hash in zip(missing, hashes, strict=True)
            ]

    def _new_user(self, seed: SeedUser, password_hash: str) -> User:
        return User(
            seed.email,
            password_hash,
            new_security_stamp(),
            self.clock(),
            disabled=seed.disabled,
            profile_json=seed.profile_json,
        )

    def _load_and_log(self) -> None:
        logger.info("seeded %d of %d accounts", self.load(), len(self.seeds))

    def load_with_retry(
        self, sleep: Callable[[float], object] = time.sleep
    ) -> threading.Thread | None:
        """Add the missing accounts; if the store is unavailable, retry on a thread."""
        try:
            self._load_and_log()
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
                self._load_and_log()
                return
