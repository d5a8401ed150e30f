"""Sessions (token families) and the one rule by which refresh tokens rotate."""

from dataclasses import dataclass, replace

from accounts.domain.errors import TokenRevoked


@dataclass(frozen=True, slots=True)
class Session:
    """What is remembered of a login, once its refresh token was rotated or it was ended.

    A session that no store knows is untouched: a login writes nothing.
    `generation` counts rotations and is the `gen` claim of the one live refresh token;
    `rotated_at` is when that token was made; no token of the session outlives `expires_at`.
    All times are seconds since the epoch.
    """

    sid: str
    expires_at: int
    rotation_count: int = 0
    rotated_at: float = 0.0
    revoked: bool = False


def rotate(session: Session, presented: int, now: float, grace: float) -> Session:
    """Validator a refresh token of generation `presented`: the session as it is afterwards.

    - The live token is spent: the generation grows by one.
    - The token before it, within `grace` seconds of being spent, changes nothing: its
      bearer gets the same successor again (a lost response, two tabs at once).
    - Any other spent token is theft (RFC 9700 §4.14.2): the session has `ended`.

    A generation ahead of the session's was signed by us and then forgotten by a store that
    lost its last writes; its bearer is honest and is served.
    Raises `TokenRevoked` where the session had ended before and the token is no theft.
    """
    spent = presented < session.rotation_count
    # A racing request may have read its clock before the rotation's did: a negative age is
    # an age of 0, or it would pass for within a grace of 0.
    age = max(0.0, now - session.rotated_at)
    replayed = presented == session.rotation_count - 1 and age < grace
    if spent and not replayed:
        return replace(session, revoked=True)
    if session.revoked:
        raise TokenRevoked
    if replayed:
        return session
    return replace(session, rotation_count=presented + 1, rotated_at=now)
