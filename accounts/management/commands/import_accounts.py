"""`manage.py import_accounts`: adds the accounts of a file to the store of `STORE_URL`."""

import argparse
import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.conf import conf
from accounts.domain.errors import StartupError
from accounts.domain.interfaces import AccountStore
from accounts.management.configured_store import open_configured_store
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds.loader import SeedLoader
from accounts.seeds.reader import RefusedSeed, SeedUser, iter_seeds

T = TypeVar("T")


class Command(BaseCommand):
    help = "Add the accounts of a file to STORE_URL. Accounts that are there stay as they are."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="JSON lines, JSON list or CSV")
        parser.add_argument("--dry-run", action="store_true", help="check the file, add nothing")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        with nullcontext() if dry_run else open_configured_store() as store:
            seeds, refused = _read(file)
            for seed in refused:
                self.stderr.write(f"{file} {seed}")
            self.stdout.write(f"{len(seeds):,} valid, {len(refused):,} refused.")
            if store is not None:
                added = _add(seeds, store)
                self.stdout.write(f"{added:,} added, {len(seeds) - added:,} there already.")
        if refused:
            raise CommandError("Some accounts were refused.")


def _read(file: Path) -> tuple[list[SeedUser], list[RefusedSeed]]:
    seeds: list[SeedUser] = []
    refused: list[RefusedSeed] = []
    policy = PasswordPolicy(reject_common=conf.REJECT_COMMON_PASSWORDS)
    try:
        for seed in _show_progress(iter_seeds(file, policy)):
            if isinstance(seed, SeedUser):
                seeds.append(seed)
            else:
                refused.append(seed)
    except StartupError as error:
        raise CommandError(str(error)) from error
    return seeds, refused


def _add(seeds: list[SeedUser], store: AccountStore) -> int:
    """Return how many were added; the others were there already."""
    hasher = BcryptHasher(rounds=conf.BCRYPT_ROUNDS, executor=HashingExecutor())
    return SeedLoader(seeds, store, hasher, time.time).load(_show_progress)


def _show_progress(items: Iterable[T]) -> Iterable[T]:
    return tqdm(items, unit=" accounts", file=sys.stderr, disable=None)
