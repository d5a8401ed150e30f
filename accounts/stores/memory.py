"""Users and sessions in dictionaries of this process: nothing survives a restart."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from threading import Lock
from typing import ClassVar

from accounts.domain.errors import DuplicateEmail
from accounts.domain.interfaces import Clock, UserAndSession
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User

DELETION_MARGIN_SECONDS = 86_400
"""How long an expired session is kept, in case that the clock is wrong by hours."""

MAX_CLOCK_STEP_SECONDS = 60
"""The clock and the time that passes may differ by so much until a warning is logged."""

logger = logging.getLogger("accounts.stores")

SessionKey = tuple[EmailAddress, str]
"""An e-mail address and a session's `sid`."""


@dataclass(frozen=True, slots=True)
class DeletedUser:
    """The record of a deletion."""

    email: EmailAddress


Record = User | DeletedUser | tuple[EmailAddress, Session]
"""A stored record: a user, its deletion, or an (email, session) pair."""


class MemoryStore:
    """An `AccountStore`. Reads take no lock, because one dictionary lookup is atomic in CPython.

    A session that has expired is not found. It is deleted later: after the time that it had left
    has passed in this process. A clock that is set ahead, and back, must not undo a logout.
    """

    backend_name: ClassVar[str] = "memory"
    blocking_reads: ClassVar[bool] = False
    blocking_writes: ClassVar[bool] = False
    supports_batch_reads = True

    def __init__(self, clock: Clock, elapsed: Clock = time.monotonic) -> None:
        """`elapsed` returns seconds since any moment, and is never set."""
        self._clock = clock
        self._elapsed = elapsed
        self._clock_offset = clock() - elapsed()
        self._lock = Lock()
        self._users: dict[EmailAddress, User] = {}
        self._sessions: dict[SessionKey, Session] = {}
        # The `sid` of each user's listed sessions: a dictionary as an ordered set.
        self._listed: dict[EmailAddress, dict[str, None]] = {}
        # A heap, the earliest deletion first, in `elapsed` time. It may be too early for a session.
        self._deletions: list[tuple[float, SessionKey]] = []

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
        return self._users.get(email), self._get_session(email, sid)

    def _get_session(self, email: EmailAddress, sid: str) -> Session | None:
        session = self._sessions.get((email, sid))
        return session if session and session.expires_at > self._clock() else None

    def get_users_and_sessions(self, keys: Sequence[SessionKey]) -> list[UserAndSession]:
        return [self.get_user_and_session(*key) for key in keys]

    def update_session(
        self, email: EmailAddress, sid: str, update_fn: Callable[[Session | None], Session]
    ) -> Session:
        with self._lock:
            self._delete_expired_sessions()
            current = self._get_session(email, sid)
            session = update_fn(current)
            if session != current:
                self._commit([(email, session)])
            return session

    def get_sessions(self, email: EmailAddress) -> list[Session]:
        return self._get_listed_sessions(email)

    def update_sessions(
        self, email: EmailAddress, update_fn: Callable[[Sequence[Session]], Sequence[Session]]
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
        self._check_clock()

    def check_writable(self) -> None:
        """Memory takes every change."""

    def was_emptied(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held open."""

    def _commit(self, records: Sequence[Record]) -> None:
        """Store all the records; called with the lock held."""
        self._check_clock()
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
            self._schedule_deletion(key, session)
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

    def _schedule_deletion(self, key: SessionKey, session: Session) -> None:
        left = session.expires_at - self._clock() + DELETION_MARGIN_SECONDS
        heappush(self._deletions, (self._elapsed() + left, key))

    def _delete_expired_sessions(self) -> None:
        while self._deletions and self._deletions[0][0] <= self._elapsed():
            _, key = heappop(self._deletions)
            session = self._sessions[key]
            # It expires later by now, or the clock was set back.
            if session.expires_at + DELETION_MARGIN_SECONDS > self._clock():
                self._schedule_deletion(key, session)
            else:
                del self._sessions[key]
                self._unlist(key)

    def _check_clock(self) -> None:
        """Log a step of the clock."""
        offset = self._clock() - self._elapsed()
        step = offset - self._clock_offset
        if abs(step) > MAX_CLOCK_STEP_SECONDS:
            self._clock_offset = offset
            logger.warning(
                "this machine's clock was set %s by %.0f s, or the machine slept; sessions are "
                "deleted when their time has passed, whatever the clock says",
                "ahead" if step > 0 else "back",
                abs(step),
            )

    def _unlist(self, key: SessionKey) -> None:
        email, sid = key
        if sids := self._listed.get(email):
            sids.pop(sid, None)
            if not sids:
                del self._listed[email]
