"""Sessions (token families), and the rule that decides whether a refresh token may be used."""

from dataclasses import dataclass, replace

from accounts.domain.errors import TokenRevoked


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a login's session. All times are seconds since the epoch.

    A store has it only after a rotation or a revocation: a login writes nothing.
    `rotation_count` is the `gen` claim of the session's newest refresh token, and `rotated_at`
    is when that token was issued. No token of the session is valid after `expires_at`.
    """

    sid: str
    expires_at: int
    rotation_count: int = 0
    rotated_at: float = 0.0
    revoked: bool = False


def use_refresh_token(
    session: Session, rotation_count: int, now: float, *, rotate: bool, grace: float
) -> Session:
    """Return the session after a refresh token with this `rotation_count` was presented.

    - The newest token is used: with `rotate`, the session's rotation count increases.
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
    if is_retry or not rotate:
        return session
    return replace(session, rotation_count=rotation_count + 1, rotated_at=now)
