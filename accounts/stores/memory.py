"""Users and sessions in dictionaries of this process: nothing survives a restart."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from threading import Lock
from typing import ClassVar

from accounts.domain.errors import DuplicateEmail
from accounts.domain.interfaces import Clock, UserAndSession
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User

SessionKey = tuple[EmailAddress, str]
Record = User | tuple[EmailAddress, Session]
"""A value as it is to be from now on: a user, or a session and whose it is."""


class MemoryStore:
    """An `AccountStore`. Reads take no lock: one dictionary look-up is atomic in CPython."""

    backend_name: ClassVar[str] = "memory"
    blocking_reads: ClassVar[bool] = False
    blocking_writes: ClassVar[bool] = False
    supports_batch_reads = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._users: dict[EmailAddress, User] = {}
        self._sessions: dict[SessionKey, Session] = {}
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

    def update_user(self, email: EmailAddress, change: Callable[[User], User]) -> User:
        with self._lock:
            known = self._users[email]
            user = change(known)
            if user != known:
                self._commit([user])
            return user

    def get_user_and_session(self, email: EmailAddress, sid: str) -> UserAndSession:
        session = self._sessions.get((email, sid))
        if session is not None and session.expires_at <= self._clock():
            session = None
        return self._users.get(email), session

    def get_users_and_sessions(
        self, asked: Sequence[tuple[EmailAddress, str]]
    ) -> list[UserAndSession]:
        return [self.get_user_and_session(*one) for one in asked]

    def update_session(
        self, email: EmailAddress, sid: str, change: Callable[[Session | None], Session]
    ) -> Session:
        with self._lock:
            self._forget_expired()
            known = self._sessions.get((email, sid))
            session = change(known)
            if session != known:
                self._commit([(email, session)])
            return session

    def iter_records(self) -> Iterator[Record]:
        """Yield all there is; nothing may change it meanwhile."""
        yield from self._users.values()
        for (email, _), session in self._sessions.items():
            yield email, session

    def count_users(self) -> int:
        return len(self._users)

    def ping(self) -> None:
        """Memory always answers."""

    def close(self) -> None:
        """Nothing is held open."""

    def _commit(self, changes: Sequence[Record]) -> None:
        """Make changes visible, all of them; called under the lock."""
        for change in changes:
            self._apply(change)

    def _apply(self, change: Record) -> None:
        if isinstance(change, User):
            self._users[change.email] = change
            return
        email, session = change
        key = (email, session.sid)
        known = self._sessions.get(key)
        if known is None or known.expires_at != session.expires_at:
            heappush(self._expiries, (session.expires_at, key))
        self._sessions[key] = session

    def _forget_expired(self) -> None:
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            _, key = heappop(self._expiries)
            session = self._sessions.get(key)
            if session is not None and session.expires_at <= now:
                del self._sessions[key]
