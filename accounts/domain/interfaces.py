"""What the service needs from outside. The implementations are in the outer packages."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import ClassVar, NewType, Protocol

from accounts.domain.claims import Claims, RefreshClaims
from accounts.domain.events import Event
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User

Clock = Callable[[], float]
"""Returns seconds: since the epoch, unless the parameter says otherwise."""

EventHandler = Callable[[Event, str], None]
"""Receives each security event with the user's e-mail address; must not raise."""

UserAndSession = tuple[User | None, Session | None]
"""A user and one of their sessions. `None` is a session that was never rotated or revoked."""


NormalizedPassword = NewType("NormalizedPassword", str)
"""A password in the form that is hashed. Only `accounts.passwords.policy` makes one."""


@dataclass(frozen=True, slots=True)
class SubmittedPassword:
    """A password to verify. Only `accounts.passwords.policy` makes one."""

    raw: str = field(repr=False)
    """As it was sent: other software may have hashed it in this form."""

    normalized: NormalizedPassword = field(repr=False)


class StoreAccess(Enum):
    """How a view uses the store while it handles a request."""

    NONE = auto()
    IDENTITY = auto()
    """Only reads the user and the session of the access token."""
    WRITE = auto()
    """Reads and changes users or sessions."""


class AccountStore(Protocol):
    """Keeps users and sessions. Threads may share it; every method may raise `StoreUnavailable`.

    `update_user`, `update_session` and `update_sessions` are atomic. Their `update_fn` is a fast
    pure function from the stored value to the new one. A store may call it under a lock, and again
    after a concurrent change. If it raises, nothing changes; an unchanged value is not written.
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
        """Add an account. Raises `DuplicateEmail`; only this method decides it."""

    def add_users(self, users: Iterable[User]) -> int:
        """Add the accounts that are missing, and return how many. E-mails are distinct.

        If it raises, some may have been added; calling it again adds the rest.
        """

    def get_user(self, email: EmailAddress) -> User | None: ...

    def update_user(self, email: EmailAddress, update_fn: Callable[[User], User]) -> User:
        """Return the user as stored now. Raises `KeyError` if there is none."""

    def delete_user(self, email: EmailAddress, check_fn: Callable[[User], object]) -> None:
        """Delete an account, in one step with `check_fn`, which may raise to keep it.

        Raises `KeyError` if there is none. Its sessions stay until they expire.
        """

    def iter_users(self) -> Iterator[User]:
        """Yield every account, in no order. One that changes meanwhile may be missing or twice.

        A damaged record is left out and logged.
        """

    def get_user_and_session(self, email: EmailAddress, sid: str) -> UserAndSession:
        """Return both, read in one round trip."""

    def get_users_and_sessions(
        self, keys: Sequence[tuple[EmailAddress, str]]
    ) -> Sequence[UserAndSession | Exception]:
        """Return the result for each (email, sid) key, in the same order.

        An unreadable record becomes an exception in its own place; the other results are intact.
        A store may have a coroutine `aget_users_and_sessions`, too. It needs no thread of a server.
        """

    def update_session(
        self, email: EmailAddress, sid: str, update_fn: Callable[[Session | None], Session]
    ) -> Session:
        """Return the session as stored now. A store deletes it after its `expires_at`."""

    def get_sessions(self, email: EmailAddress) -> Sequence[Session]:
        """Return the sessions of a user that are `listed` and have not expired."""

    def update_sessions(
        self, email: EmailAddress, update_fn: Callable[[Sequence[Session]], Sequence[Session]]
    ) -> Sequence[Session]:
        """Update several sessions of a user in one step, and return what `update_fn` returned.

        It gets the listed sessions, and returns the new and the changed ones. A new one has a `sid`
        that was never stored.
        """

    def count_users(self) -> int | None:
        """Return the number of accounts, or `None` if counting is expensive."""

    def ping(self) -> None:
        """Raise `StoreUnavailable` unless most accounts can be read."""

    def check_writable(self) -> None:
        """Change something that is no account. Raise `StoreUnavailable` if that fails."""

    def was_emptied(self) -> bool:
        """Return whether the store came back without the accounts that it had."""

    def close(self) -> None: ...


class PasswordHasher(Protocol):
    """Hashes and verifies passwords, slowly. A full queue raises `HashingOverloaded`."""

    def hash(self, password: NormalizedPassword) -> str:
        """Return a salted hash."""

    def verify(
        self, password: SubmittedPassword | None, encoded: str | None, *, account: str
    ) -> bool:
        """Return whether they match. `None` never matches, and takes the same time.

        Nor does a hash that cannot be verified: it is logged with the `account`'s e-mail address.
        """

    def must_update(self, encoded: str) -> bool:
        """Return whether `hash` would make a hash of another format or cost."""


class TokenIssuer(Protocol):
    """Signs and verifies tokens. It reads no store: the service checks user and session."""

    def issue(self, claims: Claims) -> str:
        """Sign an access token, or a refresh token for `RefreshClaims`."""

    def verify_refresh(self, token: str) -> RefreshClaims:
        """Return a refresh token's claims. Raises `TokenInvalid` or `TokenExpired`."""

    def verify_for_revocation(self, token: str) -> Claims:
        """Return the claims of a token of either type, expired or not. Raises `TokenInvalid`."""
