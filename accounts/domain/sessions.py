"""Sessions (token families): whether a refresh token may be used, and which sessions are listed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from accounts.domain.errors import TokenRevoked, UnknownSession
from accounts.domain.users import INVISIBLE_CHARACTERS_RE

MAX_LISTED_SESSIONS = 20
"""A login above it ends the oldest session of its user."""

MAX_CLIENT_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a login's session. All times are seconds since the epoch.

    A store has it only after a rotation or a revocation: a login writes nothing, unless sessions
    are tracked. `rotation_count` is the `gen` claim of the session's newest refresh token, and
    `rotated_at` is when that token was issued. No token of the session is valid after `expires_at`.

    The other fields are of tracked sessions. `refreshed_at` is the last refresh without rotation,
    `client` the browser or program that logged in, and `security_stamp` the user's at the login.
    """

    sid: str
    expires_at: int
    rotation_count: int = 0
    rotated_at: float = 0.0
    revoked: bool = False
    created_at: float = 0.0
    refreshed_at: float = 0.0
    client: str | None = None
    security_stamp: str = ""

    @property
    def tracked(self) -> bool:
        return self.created_at > 0

    @property
    def listed(self) -> bool:
        """Whether a store finds the session by its user alone, until it expires."""
        return self.tracked and not self.revoked

    @property
    def last_refreshed_at(self) -> float | None:
        return max(self.rotated_at, self.refreshed_at) or None


def use_refresh_token(
    session: Session,
    rotation_count: int,
    now: float,
    *,
    rotate: bool,
    grace: float,
    expires_at: int,
) -> Session:
    """Return the session after a refresh token with this `rotation_count` was presented.

    - The newest token is used: with `rotate`, the session's rotation count increases, and the
      session lasts until `expires_at`, if that is later than before. Without `rotate`, a tracked
      session remembers the time.
    - A retry changes nothing: the previous token, less than `grace` seconds after its use. It
      happens when a response is lost, or when two browser tabs refresh at once.
    - Any other used token was stolen (RFC 9700 §4.14.2): the returned session is revoked.

    If the token's count is higher than the session's, the store lost its last writes. The
    token is accepted. Raises `TokenRevoked` if the session was revoked before, and the token is
    not a stolen one.
    """
    used = rotation_count < session.rotation_count
    # Bounded on both sides: another machine's clock may be behind by seconds, and a clock that was
    # set back by hours must not stretch the grace period.
    in_grace = abs(now - session.rotated_at) < grace
    is_retry = rotation_count == session.rotation_count - 1 and in_grace
    if used and not is_retry:
        return replace(session, revoked=True)
    if session.revoked:
        raise TokenRevoked
    if is_retry:
        return session
    if not rotate:
        return replace(session, refreshed_at=now) if session.tracked else session
    return replace(
        session,
        rotation_count=rotation_count + 1,
        rotated_at=now,
        expires_at=max(session.expires_at, expires_at),
    )


def get_live_sessions(listed: Iterable[Session], security_stamp: str) -> list[Session]:
    """Return the sessions of a user with this stamp, the newest login first.

    The tokens of the others were revoked by a new stamp, or are of a deleted account.
    """
    live = (session for session in listed if session.security_stamp == security_stamp)
    return _sort_newest_first(live)


def add_session(listed: Iterable[Session], new: Session) -> list[Session]:
    """Return what to store when a login starts `new`: the sessions that end by it, then `new`.

    The oldest ones end, so that `MAX_LISTED_SESSIONS` stay. Those with an old stamp go first: they
    are older. They do not end at once, as the new login's own stamp may be the old one by now.
    """
    ended = _sort_newest_first(listed)[MAX_LISTED_SESSIONS - 1 :]
    return [*(replace(session, revoked=True) for session in ended), new]


def revoke_listed_session(session: Session | None, security_stamp: str) -> Session:
    """Return the session, revoked. Raises `UnknownSession` if no user with this stamp lists it."""
    if session is None or not session.listed or session.security_stamp != security_stamp:
        raise UnknownSession
    return replace(session, revoked=True)


def clean_client(user_agent: str | None) -> str | None:
    """Return a `User-Agent` to show: cut off, without control and invisible characters.

    Returns `None` if nothing is left.
    """
    printable = filter(str.isprintable, (user_agent or "")[:MAX_CLIENT_LENGTH])
    return INVISIBLE_CHARACTERS_RE.sub("", "".join(printable)).strip() or None


def _sort_newest_first(sessions: Iterable[Session]) -> list[Session]:
    return sorted(sessions, key=lambda session: session.created_at, reverse=True)
