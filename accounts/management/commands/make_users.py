"""`manage.py make_users`: writes a seed file of test users, each with its own salted hash."""

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.conf import conf
from accounts.domain.errors import InvalidPassword
from accounts.domain.interfaces import NormalizedPassword
from accounts.passwords.executor import HASHING_THREADS, HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy

DEFAULT_PASSWORD = "correct horse battery"  # noqa: S105  # for test users; the command prints it
MAX_USERS = 1_000_000
BATCH = 8 * HASHING_THREADS
"""Hashes queued at once: an interrupted run ends after at most so many."""


class Command(BaseCommand):
    help = "Write a file of users for SEED_USERS_FILE."
    # The settings may already name the file, which does not exist yet: checks would fail.
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("count", metavar="N", type=_parse_count)
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--password", metavar="TEXT", default=DEFAULT_PASSWORD)

    def handle(self, *args: Any, count: int, file: Path, password: str, **options: Any) -> None:
        policy = PasswordPolicy(reject_common=conf.REJECT_COMMON_PASSWORDS)
        try:
            normalized = policy.validate(password)
        except InvalidPassword as error:
            raise CommandError(f"--password is refused: {error.detail}") from error
        hasher = BcryptHasher(rounds=conf.BCRYPT_ROUNDS, executor=HashingExecutor())
        try:
            _write(file, _generate_lines(count, normalized, hasher))
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be written: {error}") from error
        self.stdout.write(
            f"Wrote {count:,} users to {file}: user000001@example.com and on, "
            f"all with the password {password!r}. Load them with SEED_USERS_FILE={file}"
        )


def _parse_count(text: str) -> int:
    if text.isdecimal() and 0 < int(text[:10]) <= MAX_USERS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MAX_USERS}")


def _generate_lines(
    count: int, password: NormalizedPassword, hasher: BcryptHasher
) -> Iterator[bytes]:
    with (
        ThreadPoolExecutor(HASHING_THREADS) as threads,
        tqdm(total=count, unit=" users", file=sys.stderr, disable=None) as progress,
    ):
        for start in range(1, count + 1, BATCH):
            numbers = range(start, min(start + BATCH, count + 1))
            hashes = threads.map(hasher.hash, [password] * len(numbers))
            for number, password_hash in zip(numbers, hashes, strict=True):
                user = {"email": f"user{number:06}@example.com", "password_hash": password_hash}
                yield orjson.dumps(user, option=orjson.OPT_APPEND_NEWLINE)
                progress.update()


def _write(file: Path, lines: Iterator[bytes]) -> None:
    """Replace the file when it is complete: an interrupted run leaves the old one."""
    temp_path = file.with_name(f"{file.name}.new")
    descriptor = os.open(temp_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as output:
            output.writelines(lines)
        temp_path.replace(file)
    finally:
        temp_path.unlink(missing_ok=True)
