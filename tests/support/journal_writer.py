"""A process that changes a journal without pause, and reports each confirmed change."""

import multiprocessing
import time
from dataclasses import replace
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.stores import open_store
from accounts.stores.journal import compaction
from accounts.stores.journal import store as journal

CHANGED_USERS = 50
LIFETIME = 604_800

# Forked from a process that has imported this module: a start takes milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


def build_user(number: int) -> User:
    return User(EmailAddress(f"user{number}@example.com"), "hash", "stamp", 0.0)


def start_writer(path: Path, first: int) -> tuple[BaseProcess, Connection]:
    """Start a writer whose changes are numbered from `first`.

    It sends the number of each confirmed change, and whether a compaction goes on after it.
    """
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=write, args=(path, first, sender))
    process.start()
    sender.close()
    return process, receiver


def write(path: Path, first: int, sender: Connection) -> None:
    # Many small steps, and a new compaction soon after the last one.
    compaction.CHUNK_BYTES = 1 << 16
    journal.MIN_OBSOLETE_LINES = -1_000_000
    store = open_store(f"file://{path}", time.time)
    for number in count(first):
        email = build_user(number % CHANGED_USERS).email
        store.update_user(email, partial(replace, password_hash=str(number)))
        store.update_session(email, str(number), partial(end_session, str(number)))
        sender.send((number, Path(f"{path}.new").exists()))


def end_session(sid: str, session: Session | None) -> Session:
    return Session(sid, int(time.time()) + LIFETIME, revoked=True)
