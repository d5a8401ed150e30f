"""`manage.py import_accounts`: adds the accounts of a file to the store of `STORE_URL`."""

import argparse
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds.loader import SeedLoader
from accounts.seeds.reader import RefusedSeed, SeedUser, iter_seeds
from accounts.stores import open_store

T = TypeVar("T")


class Command(BaseCommand):
    help = "Add the accounts of a file to STORE_URL. Accounts that are there stay as they are."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="JSON lines, JSON list or CSV")
        parser.add_argument("--dry-run", action="store_true", help="check the file, add nothing")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        if not dry_run:
            _require_persistent_store(settings.STORE_URL)
        try:
            seeds, refused = _read(file)
            for seed in refused:
                self.stderr.write(f"{file} {seed}")
            self.stdout.write(f"{len(seeds):,} valid, {len(refused):,} refused.")
            if not dry_run:
                added = _add(seeds)
                self.stdout.write(f"{added:,} added, {len(seeds) - added:,} there already.")
        except StartupError as error:
            raise CommandError(str(error)) from error
        except StoreUnavailable as error:
            raise CommandError(f"{error} What was added stays; run this again.") from error
        if refused:
            raise CommandError("Some accounts were refused.")


def _require_persistent_store(url: str) -> None:
    if url.startswith("memory:"):
        raise CommandError(
            "STORE_URL is memory://: what is added there is gone when this command ends. Set "
            "STORE_URL to another store, or SEED_USERS_FILE to this file."
        )


def _read(file: Path) -> tuple[list[SeedUser], list[RefusedSeed]]:
    seeds: list[SeedUser] = []
    refused: list[RefusedSeed] = []
    policy = PasswordPolicy(reject_common=settings.REJECT_COMMON_PASSWORDS)
    for seed in _show_progress(iter_seeds(file, policy)):
        if isinstance(seed, SeedUser):
            seeds.append(seed)
        else:
            refused.append(seed)
    return seeds, refused


def _add(seeds: list[SeedUser]) -> int:
    """Return how many were added; the others were there already."""
    hasher = BcryptHasher(rounds=settings.BCRYPT_ROUNDS, executor=HashingExecutor())
    with closing(open_store(settings.STORE_URL, time.time)) as store:
        return SeedLoader(seeds, store, hasher, time.time).load(_show_progress)


def _show_progress(items: Iterable[T]) -> Iterable[T]:
    return tqdm(items, unit=" accounts", file=sys.stderr, disable=None)
