"""`manage.py make_users`: a seed file of test users, each with a salted hash of its own."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.domain.errors import InvalidPassword
from accounts.passwords.executor import HASHING_THREADS, HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy

DEFAULT_PASSWORD = "correct horse battery"  # noqa: S105  # for test users; the command says it
MAX_USERS = 1_000_000
BAR_WIDTH = 40


class Command(BaseCommand):
    help = "Write a file of users for SEED_USERS_FILE."
    # Its settings may name the very file that is to be written: nothing of the service starts.
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("count", metavar="N", type=_count)
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--password", metavar="TEXT", default=DEFAULT_PASSWORD)

    def handle(self, *args: Any, count: int, file: Path, password: str, **options: Any) -> None:
        policy = PasswordPolicy(reject_common=settings.REJECT_COMMON_PASSWORDS)
        try:
            policy.check(password)
        except InvalidPassword as error:
            raise CommandError(f"--password is refused: {error.detail}") from error
        hasher = BcryptHasher(rounds=settings.BCRYPT_ROUNDS, policy=policy, pool=HashingExecutor())
        try:
            _write(file, _lines(count, password, hasher, sys.stderr))
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be written: {error}") from error
        self.stdout.write(
            f"Wrote {count:,} users to {file}: user000001@example.com and on, "
            f"all with the password {password!r}. Load them with SEED_USERS_FILE={file}"
        )


def _count(text: str) -> int:
    if text.isdecimal() and 0 < int(text[:10]) <= MAX_USERS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MAX_USERS}")


def _lines(count: int, password: str, hasher: BcryptHasher, screen: TextIO) -> Iterator[str]:
    # bcrypt lets go of Python's lock, so threads use every core.
    progress = Progress(count, screen)
    numbers = iter(range(1, count + 1))
    with ThreadPoolExecutor(HASHING_THREADS) as threads:
        while batch := list(islice(numbers, 8 * HASHING_THREADS)):
            for number, hashed in zip(
                batch, threads.map(hasher.hash, [password] * len(batch)), strict=True
            ):
                progress.show(number)
                user = {"email": f"user{number:06}@example.com", "password_hash": hashed}
                yield f"{json.dumps(user)}\n"


def _write(file: Path, lines: Iterator[str]) -> None:
    """Put the file in place when it is complete: an interrupted run leaves the old one."""
    aside = file.with_name(f"{file.name}.new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.writelines(lines)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)


class Progress:
    """A bar on a terminal; nothing where the output goes elsewhere."""

    def __init__(self, total: int, screen: TextIO) -> None:
        self._total = total
        self._screen = screen if screen.isatty() else None
        self._started = time.monotonic()

    def show(self, done: int) -> None:
        if self._screen is None:
            return
        left = (time.monotonic() - self._started) / done * (self._total - done)
        bar = ("#" * (BAR_WIDTH * done // self._total)).ljust(BAR_WIDTH, ".")
        end = "\n" if done == self._total else ""
        self._screen.write(f"\r[{bar}] {done:,}/{self._total:,}, {left:.0f} s left  {end}")
        self._screen.flush()
