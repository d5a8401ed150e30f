"""Users and sessions in an SQLite file: the example of docs/guides/add-a-store.md."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import ClassVar

from accounts.domain.errors import DuplicateEmail, StartupError, StoreUnavailable
from accounts.domain.interfaces import Clock, UserAndSession
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.stores.serialization import dump, load
from accounts.stores.url import SQLiteURL  # type: ignore[attr-defined]  # the guide adds it

TABLES = """
CREATE TABLE IF NOT EXISTS users (email TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    email TEXT, sid TEXT, expires_at INTEGER, listed INTEGER, record TEXT NOT NULL,
    PRIMARY KEY (email, sid)
);
"""


class SQLiteStore:
    """An `AccountStore`. A write transaction makes each update atomic, between processes too."""

    backend_name: ClassVar[str] = "sqlite"
    blocking_reads: ClassVar[bool] = True
    blocking_writes: ClassVar[bool] = True
    supports_batch_reads = False

    def __init__(self, location: SQLiteURL, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        try:
            self._db = sqlite3.connect(location.path, check_same_thread=False, isolation_level=None)
            self._db.executescript(TABLES)
        except sqlite3.Error as error:
            raise StartupError(f"{location.path}: {error}") from error

    def add_user(self, user: User) -> None:
        if self.add_users([user]) == 0:
            raise DuplicateEmail

    def add_users(self, users: Iterable[User]) -> int:
        rows = [(user.email, dump(user)) for user in users]
        insert = "INSERT OR IGNORE INTO users VALUES (?, ?)"
        with self._transaction():
            return sum(self._db.execute(insert, row).rowcount for row in rows)

    def get_user(self, email: EmailAddress) -> User | None:
        with self._transaction():
            return self._load_user(email)

    def update_user(self, email: EmailAddress, update_fn: Callable[[User], User]) -> User:
        with self._transaction():
            current = self._load_user(email)
            if current is None:
                raise KeyError(email)
            user = update_fn(current)
            if user != current:
                row = (dump(user), email)
                self._db.execute("UPDATE users SET record = ? WHERE email = ?", row)
            return user

    def delete_user(self, email: EmailAddress, check_fn: Callable[[User], object]) -> None:
        with self._transaction():
            current = self._load_user(email)
            if current is None:
                raise KeyError(email)
            check_fn(current)
            self._db.execute("DELETE FROM users WHERE email = ?", (email,))

    def iter_users(self) -> Iterator[User]:
        with self._transaction():
            records = self._db.execute("SELECT record FROM users").fetchall()
        yield from filter(None, (load(User, record) for (record,) in records))

    def get_user_and_session(self, email: EmailAddress, sid: str) -> UserAndSession:
        with self._transaction():
            return self._load_user(email), self._load_session(email, sid)

    def get_users_and_sessions(
        self, keys: Sequence[tuple[EmailAddress, str]]
    ) -> list[UserAndSession]:
        return [self.get_user_and_session(*key) for key in keys]

    def update_session(
        self, email: EmailAddress, sid: str, update_fn: Callable[[Session | None], Session]
    ) -> Session:
        with self._transaction():
            self._db.execute("DELETE FROM sessions WHERE expires_at <= ?", (self._clock(),))
            current = self._load_session(email, sid)
            session = update_fn(current)
            if session != current:
                self._store_session(email, session)
            return session

    def get_sessions(self, email: EmailAddress) -> list[Session]:
        with self._transaction():
            return self._load_listed_sessions(email)

    def update_sessions(
        self, email: EmailAddress, update_fn: Callable[[Sequence[Session]], Sequence[Session]]
    ) -> Sequence[Session]:
        with self._transaction():
            current = self._load_listed_sessions(email)
            sessions = update_fn(current)
            for session in sessions:
                if session not in current:
                    self._store_session(email, session)
            return sessions

    def count_users(self) -> int:
        with self._transaction():
            return int(self._db.execute("SELECT count(*) FROM users").fetchone()[0])

    def ping(self) -> None:
        with self._transaction():
            self._db.execute("SELECT 1")

    def check_writable(self) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM sessions WHERE expires_at <= ?", (self._clock(),))

    def was_emptied(self) -> bool:
        return False

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Lock the file, and commit at the end, or roll back if there is an error."""
        try:
            with self._lock, self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.Error as error:
            raise StoreUnavailable from error

    def _load_user(self, email: EmailAddress) -> User | None:
        rows = self._db.execute("SELECT record FROM users WHERE email = ?", (email,))
        return load(User, *(rows.fetchone() or [None]))

    def _load_session(self, email: EmailAddress, sid: str) -> Session | None:
        select = "SELECT record FROM sessions WHERE email = ? AND sid = ? AND expires_at > ?"
        rows = self._db.execute(select, (email, sid, self._clock()))
        return load(Session, *(rows.fetchone() or [None]))

    def _load_listed_sessions(self, email: EmailAddress) -> list[Session]:
        select = "SELECT record FROM sessions WHERE email = ? AND listed AND expires_at > ?"
        rows = self._db.execute(select, (email, self._clock()))
        return list(filter(None, (load(Session, record) for (record,) in rows)))

    def _store_session(self, email: EmailAddress, session: Session) -> None:
        row = (email, session.sid, session.expires_at, session.listed, dump(session))
        self._db.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)", row)
