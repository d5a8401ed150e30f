"""What the service needs from the world. Implementations live one layer further out."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import ClassVar, Protocol

from accounts.domain.claims import Claims, RefreshClaims
from accounts.domain.events import Event
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User

Clock = Callable[[], float]
"""Seconds since the epoch."""

EventHandler = Callable[[Event, str], None]
"""Told of each security event and the e-mail address concerned; must not raise."""


UserAndSession = tuple[User | None, Session | None]
"""A user, and a session of theirs; an untouched session is `None`."""


class StoreAccess(Enum):
    """How a view uses the store while it handles a request."""

    NONE = auto()
    IDENTITY = auto()
    """Only reads the user and the session of the access token."""
    WRITE = auto()
    """Reads and changes users or sessions."""


class AccountStore(Protocol):
    """Users and sessions. Safe to share between threads; any method may raise `StoreUnavailable`.

    The two updates are atomic. `change` is a pure, quick function from the stored value to
    the new one: a store may run it under a lock, or again if somebody was faster. What it
    raises leaves everything as it was; a value that it returns unchanged is not written.
    """

    backend_name: ClassVar[str]
    """Its name in `/health`, such as `memory`."""

    blocking_reads: ClassVar[bool]
    """Whether reads wait for a disk or a network."""

    blocking_writes: ClassVar[bool]
    """Whether changes wait for a disk or a network."""

    supports_batch_reads: bool
    """Whether `get_users_and_sessions` is one round trip for any number of pairs."""

    def add_user(self, user: User) -> None:
        """Add an account. Raises `DuplicateEmail`: the only place where that is decided."""

    def add_users(self, users: Iterable[User]) -> int:
        """Add those accounts that are missing, in bulk; return how many. E-mails are distinct.

        Where it raises, some may have been added: doing it again adds the rest.
        """

    def get_user(self, email: EmailAddress) -> User | None: ...

    def update_user(self, email: EmailAddress, change: Callable[[User], User]) -> User:
        """Return the user as stored now. Raises `KeyError` where there is none."""

    def get_user_and_session(self, email: EmailAddress, sid: str) -> UserAndSession:
        """Return user and session in one trip; an untouched session is `None`."""

    def get_users_and_sessions(
        self, asked: Sequence[tuple[EmailAddress, str]]
    ) -> Sequence[UserAndSession | Exception]:
        """Answer several `find`s in one trip, in their order.

        What is wrong with one account's record is its own answer and nobody else's.
        """

    def update_session(
        self, email: EmailAddress, sid: str, change: Callable[[Session | None], Session]
    ) -> Session:
        """Return the session as stored now; it is forgotten after its `expires_at`."""

    def count_users(self) -> int | None:
        """Return how many accounts there are, or `None` where that is no cheap question."""

    def ping(self) -> None:
        """Raise `StoreUnavailable` unless the store answers."""

    def close(self) -> None: ...


class PasswordHasher(Protocol):
    """Hashes and verifies passwords. Slow by design; a full queue raises `HashingOverloaded`."""

    def hash(self, password: str) -> str:
        """Return a salted hash. Raises a subclass of `InvalidPassword`."""

    def verify(self, password: str, encoded: str | None) -> bool:
        """Say whether they match. `None` costs the same time and never matches."""

    def must_update(self, encoded: str) -> bool:
        """Say whether a hash was made with other parameters than today's."""


class TokenIssuer(Protocol):
    """Signs and verifies. It judges no user, version or session: the service does."""

    def issue(self, claims: Claims) -> str:
        """Sign an access token, or a refresh token for `RefreshClaims`."""

    def verify_refresh(self, token: str) -> RefreshClaims:
        """Raise `TokenInvalid` or `TokenExpired`."""
