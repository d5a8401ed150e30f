from itertools import product

import pytest

from accounts.domain.errors import TokenRevoked
from accounts.domain.sessions import Session, use_refresh_token

ROTATED_AT = 1000.0
NEWEST = 3
"""The rotation count of the newest token: the session was rotated three times."""


def session(*, revoked: bool = False) -> Session:
    return Session("sid", 5000, NEWEST, ROTATED_AT, revoked)


def use(
    before: Session, rotation_count: int, age: float = 0, grace: float = 10, *, rotate: bool = True
) -> Session:
    """Use a token `age` seconds after the session's last rotation."""
    return use_refresh_token(before, rotation_count, ROTATED_AT + age, rotate=rotate, grace=grace)


@pytest.mark.parametrize(("age", "grace"), [(0, 0), (5, 10), (3600, 10)])
def test_newest_token_rotates_the_session(age: float, grace: float) -> None:
    assert use(session(), NEWEST, age, grace) == Session("sid", 5000, NEWEST + 1, ROTATED_AT + age)


def test_first_token_rotates_a_new_session() -> None:
    assert use(Session("sid", 5000), 0) == Session("sid", 5000, 1, ROTATED_AT)


def test_newest_token_without_rotation_changes_nothing() -> None:
    assert use(session(), NEWEST, rotate=False) == session()


@pytest.mark.parametrize("rotate", [False, True])
@pytest.mark.parametrize("age", [-9.75, -0.001, 0, 9.75])
def test_retry_within_grace_changes_nothing(age: float, rotate: bool) -> None:
    assert use(session(), NEWEST - 1, age, rotate=rotate) == session()


@pytest.mark.parametrize("rotate", [False, True])
@pytest.mark.parametrize(
    ("rotation_count", "age", "grace"),
    [
        pytest.param(NEWEST - 1, 10, 10, id="grace just over"),
        pytest.param(NEWEST - 1, -10, 10, id="clock set back by the grace"),
        pytest.param(NEWEST - 1, -3600, 10, id="clock set back by an hour"),
        pytest.param(NEWEST - 1, 0, 0, id="no grace, same instant"),
        pytest.param(NEWEST - 1, -0.001, 0, id="no grace, clock read before the rotation"),
        pytest.param(NEWEST - 2, 0, 10, id="older than the previous token"),
    ],
)
def test_used_token_revokes_the_session(
    rotation_count: int, age: float, grace: float, rotate: bool
) -> None:
    assert use(session(), rotation_count, age, grace, rotate=rotate) == session(revoked=True)


@pytest.mark.parametrize("ahead", [1, 2])
def test_token_ahead_of_the_store_is_accepted(ahead: int) -> None:
    assert use(session(), NEWEST + ahead) == Session("sid", 5000, NEWEST + ahead + 1, ROTATED_AT)


@pytest.mark.parametrize("rotate", [False, True])
@pytest.mark.parametrize("rotation_count", [NEWEST - 1, NEWEST, NEWEST + 1])
def test_revoked_session_raises_token_revoked(rotation_count: int, rotate: bool) -> None:
    with pytest.raises(TokenRevoked):
        use(session(revoked=True), rotation_count, rotate=rotate)


def test_used_token_of_revoked_session_keeps_it_revoked() -> None:
    assert use(session(revoked=True), NEWEST - 2) == session(revoked=True)


def test_no_token_undoes_a_revocation_or_a_rotation() -> None:
    counts, ages = range(NEWEST - 2, NEWEST + 3), (-1.0, 0.0, 9.75, 10.0, 3600.0)
    for before, count, age, grace, rotate in product(
        [session(), session(revoked=True)], counts, ages, (0.0, 10.0), (False, True)
    ):
        try:
            after = use(before, count, age, grace, rotate=rotate)
        except TokenRevoked:
            continue
        assert (after.sid, after.expires_at) == (before.sid, before.expires_at)
        assert after.revoked >= before.revoked
        assert after.rotation_count >= before.rotation_count
