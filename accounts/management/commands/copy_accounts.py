"""`manage.py copy_accounts`: copies a journal file into the store of `STORE_URL`."""

import argparse
import time
from contextlib import closing
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.stores import open_store
from accounts.stores.journal.store import JournalStore
from accounts.stores.url import InvalidStoreURL, parse_file_url


class Command(BaseCommand):
    help = "Copy the users and sessions of a stopped service's journal into STORE_URL."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("source", metavar="FILE_URL", help="such as file:///var/lib/a.jsonl")

    def handle(self, *args: Any, source: str, **options: Any) -> None:
        try:
            path = parse_file_url(source)
            _require_persistent_store(settings.STORE_URL)
            if not path.exists():
                raise CommandError(f"{path} is not there.")
            with (
                closing(JournalStore(path, time.time)) as journal,
                closing(open_store(settings.STORE_URL, time.time)) as target,
            ):
                users, added, sessions = copy(journal, target)
        except InvalidStoreURL as error:
            raise CommandError(f"FILE_URL {error}") from error
        except StartupError as error:
            raise CommandError(str(error)) from error
        except StoreUnavailable as error:
            raise CommandError(f"{error} What was copied stays; run this again.") from error
        self.stdout.write(
            f"Copied {added:,} of {users:,} users (the others were there already) and "
            f"{sessions:,} sessions."
        )


def _require_persistent_store(url: str) -> None:
    if url.startswith("memory:"):
        raise CommandError(
            "STORE_URL is memory://: a copy there is gone when this command ends. Set it to the "
            "server to copy to."
        )


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
