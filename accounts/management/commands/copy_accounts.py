"""`manage.py copy_accounts`: copies a journal file into the store of `STORE_URL`."""

import argparse
import time
from contextlib import closing
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.management.configured_store import open_configured_store
from accounts.stores.journal.store import JournalStore
from accounts.stores.url import InvalidStoreURL, parse_file_url


class Command(BaseCommand):
    help = "Copy the users and sessions of a stopped service's journal into STORE_URL."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("source", metavar="FILE_URL", help="such as file:///var/lib/a.jsonl")

    def handle(self, *args: Any, source: str, **options: Any) -> None:
        with open_configured_store() as target, closing(_open_journal(source)) as journal:
            users, added, sessions = copy(journal, target)
        self.stdout.write(
            f"Copied {added:,} of {users:,} users (the others were there already) and "
            f"{sessions:,} sessions."
        )


def _open_journal(url: str) -> JournalStore:
    """Raises `CommandError` or `StartupError`."""
    try:
        path = parse_file_url(url)
    except InvalidStoreURL as error:
        raise CommandError(f"FILE_URL {error}") from error
    if not path.exists():
        raise CommandError(f"{path} is not there.")
    return JournalStore(path, time.time)


def copy(journal: JournalStore, target: AccountStore) -> tuple[int, int, int]:
    """Return the number of users, of users that were added, and of sessions.

    Whatever the target has already stays, so a copy can be repeated. Raises `StoreUnavailable`.
    """
    users = list(journal.iter_users())
    sessions = list(journal.iter_sessions())
    added = target.add_users(users)
    for email, session in sessions:
        target.update_session(email, session.sid, partial(_keep_stored, new=session))
    return len(users), added, len(sessions)


def _keep_stored(stored: Session | None, new: Session) -> Session:
    return stored or new
