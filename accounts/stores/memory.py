"""Users and sessions in dictionaries of this process: nothing survives a restart."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from threading import Lock
from typing import ClassVar

from accounts.domain.errors import DuplicateEmail
from accounts.domain.interfaces import Clock, ListedSessions, UserAndSession
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User

SessionKey = tuple[EmailAddress, str]
"""An e-mail address and a session's `sid`."""


@dataclass(frozen=True, slots=True)
class DeletedUser:
    """The record of a deletion."""

    email: EmailAddress


Record = User | DeletedUser | tuple[EmailAddress, Session]
"""A stored record: a user, its deletion, or an (email, session) pair."""


class MemoryStore:
    """An `AccountStore`. Reads take no lock, because one dictionary lookup is atomic in CPython."""

    backend_name: ClassVar[str] = "memory"
    blocking_reads: ClassVar[bool] = False
    blocking_writes: ClassVar[bool] = False
    supports_batch_reads = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._users: dict[EmailAddress, User] = {}
        self._sessions: dict[SessionKey, Session] = {}
        # The `sid` of each user's listed sessions: a dictionary as an ordered set.
        self._listed: dict[EmailAddress, dict[str, None]] = {}
        # A heap, the earliest expiry first. A session may have a later one by now.
        self._expiries: list[tuple[int, SessionKey]] = []

    def add_user(self, user: User) -> None:
        with self._lock:
            if user.email in self._users:
                raise DuplicateEmail
            self._commit([user])

    def add_users(self, users: Iterable[User]) -> int:
        with self._lock:
            missing = [user for user in users if user.email not in self._users]
            if missing:
                self._commit(missing)
            return len(missing)

    def get_user(self, email: EmailAddress) -> User | None:
        return self._users.get(email)

    def update_user(self, email: EmailAddress, update_fn: Callable[[User], User]) -> User:
        with self._lock:
            current = self._users[email]
            user = update_fn(current)
            if user != current:
                self._commit([user])
            return user

    def delete_user(self, email: EmailAddress, check_fn: Callable[[User], object]) -> None:
        with self._lock:
            check_fn(self._users[email])
            self._commit([DeletedUser(email)])

    def iter_users(self) -> Iterator[User]:
        yield from list(self._users.values())

    def get_user_and_session(self, email: EmailAddress, sid: str) -> UserAndSession:
        session = self._sessions.get((email, sid))
        if session is not None and session.expires_at <= self._clock():
            session = None
        return self._users.get(email), session

    def get_users_and_sessions(self, keys: Sequence[SessionKey]) -> list[UserAndSession]:
        return [self.get_user_and_session(*key) for key in keys]

    def update_session(
        self, email: EmailAddress, sid: str, update_fn: Callable[[Session | None], Session]
    ) -> Session:
        with self._lock:
            self._delete_expired_sessions()
            current = self._sessions.get((email, sid))
            session = update_fn(current)
            if session != current:
                self._commit([(email, session)])
            return session

    def get_user_and_sessions(self, email: EmailAddress) -> tuple[User | None, ListedSessions]:
        return self._users.get(email), ListedSessions(self._get_listed_sessions(email))

    def update_sessions(
        self,
        email: EmailAddress,
        update_fn: Callable[[Sequence[Session]], Sequence[Session]],
        read: ListedSessions | None = None,
    ) -> Sequence[Session]:
        with self._lock:
            self._delete_expired_sessions()
            current = self._get_listed_sessions(email)
            sessions = update_fn(current)
            if changed := [session for session in sessions if session not in current]:
                self._commit([(email, session) for session in changed])
            return sessions

    def iter_sessions(self) -> Iterator[tuple[EmailAddress, Session]]:
        """Yield every (email, session) pair. The store must not change during the iteration."""
        for (email, _), session in self._sessions.items():
            yield email, session

    def count_users(self) -> int:
        return len(self._users)

    def ping(self) -> None:
        """Memory is always reachable."""

    def check_writable(self) -> None:
        """Memory takes every change."""

    def was_emptied(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held open."""

    def _commit(self, records: Sequence[Record]) -> None:
        """Store all the records; called with the lock held."""
        for record in records:
            self._apply(record)

    def _apply(self, record: Record) -> None:
        if isinstance(record, User):
            self._users[record.email] = record
            return
        if isinstance(record, DeletedUser):
            self._users.pop(record.email, None)  # A journal may have been mended by hand.
            return
        email, session = record
        key = (email, session.sid)
        if key not in self._sessions:
            heappush(self._expiries, (session.expires_at, key))
        self._sessions[key] = session
        if session.listed:
            self._listed.setdefault(email, {})[session.sid] = None
        else:
            self._unlist(key)

    def _get_listed_sessions(self, email: EmailAddress) -> list[Session]:
        now = self._clock()
        # A copy, which is atomic in CPython: another thread may log in.
        sessions = [self._sessions.get((email, sid)) for sid in list(self._listed.get(email, ()))]
        return [session for session in sessions if session and session.expires_at > now]

    def _delete_expired_sessions(self) -> None:
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            _, key = heappop(self._expiries)
            expires_at = self._sessions[key].expires_at
            if expires_at > now:
                heappush(self._expiries, (expires_at, key))
            else:
                del self._sessions[key]
                self._unlist(key)

    def _unlist(self, key: SessionKey) -> None:
        email, sid = key
        if sids := self._listed.get(email):
            sids.pop(sid, None)
            if not sids:
                del self._listed[email]
