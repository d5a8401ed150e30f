"""Users and sessions in dictionaries of this process: nothing survives a restart."""

from collections.abc import Callable
from heapq import heappop, heappush
from threading import Lock
from typing import ClassVar

from accounts.core.errors import DuplicateEmail
from accounts.core.ports import Clock
from accounts.core.sessions import Session
from accounts.core.users import EmailAddress, User

SessionKey = tuple[EmailAddress, str]


class MemoryStore:
    """An `AccountStore`. Reads take no lock: one dictionary look-up is atomic in CPython."""

    kind: ClassVar[str] = "memory"

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
            self._users[user.email] = user

    def get_user(self, email: EmailAddress) -> User | None:
        return self._users.get(email)

    def update_user(self, email: EmailAddress, change: Callable[[User], User]) -> User:
        with self._lock:
            user = change(self._users[email])
            self._users[email] = user
            return user

    def find(self, email: EmailAddress, sid: str) -> tuple[User | None, Session | None]:
        return self._users.get(email), self._sessions.get((email, sid))

    def update_session(
        self, email: EmailAddress, sid: str, change: Callable[[Session | None], Session]
    ) -> Session:
        key = (email, sid)
        with self._lock:
            self._forget_expired()
            known = self._sessions.get(key)
            session = change(known)
            if known is None:
                heappush(self._expiries, (session.expires_at, key))
            self._sessions[key] = session
            return session

    def check(self) -> None:
        """Memory always answers."""

    def close(self) -> None:
        """Nothing is held open."""

    def _forget_expired(self) -> None:
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            _, key = heappop(self._expiries)
            del self._sessions[key]
