from itertools import product

import pytest

from accounts.domain.errors import TokenRevoked
from accounts.domain.sessions import Session, rotate

ROTATED_AT = 1000.0
LIVE = 3
"""The generation of the live token in the examples: its session was rotated three times."""


def session(*, revoked: bool = False, generation: int = LIVE) -> Session:
    return Session("sid", 5000, generation, ROTATED_AT, revoked)


def every_case() -> list[tuple[Session, int, float, float]]:
    """Return every combination of what `rotate` may meet, two generations either way."""
    sessions = [session(revoked=revoked) for revoked in (False, True)]
    presented = range(LIVE - 2, LIVE + 3)
    ages = (-1.0, 0.0, 9.75, 10.0, 3600.0)
    return [
        (before, number, ROTATED_AT + age, grace)
        for before, number, age, grace in product(sessions, presented, ages, (0.0, 10.0))
    ]


@pytest.mark.parametrize("grace", [0, 10])
@pytest.mark.parametrize("age", [0, 5, 3600])
def test_the_live_token_is_spent_and_the_generation_grows(age: float, grace: float) -> None:
    after = rotate(session(), LIVE, ROTATED_AT + age, grace)
    assert after == Session("sid", 5000, LIVE + 1, ROTATED_AT + age, revoked=False)


def test_the_first_token_of_an_untouched_session_is_its_live_one() -> None:
    assert rotate(Session("sid", 5000), 0, 100.0, 0) == Session("sid", 5000, 1, 100.0)


@pytest.mark.parametrize("age", [0, 5, 9.75])
def test_the_token_before_it_changes_nothing_within_the_grace(age: float) -> None:
    assert rotate(session(), LIVE - 1, ROTATED_AT + age, 10) == session()


@pytest.mark.parametrize(
    ("presented", "age", "grace"),
    [
        pytest.param(LIVE - 1, 10, 10, id="the grace is over the moment it has passed"),
        pytest.param(LIVE - 1, 3600, 10, id="long after the grace"),
        pytest.param(LIVE - 1, 0, 0, id="no grace, not even in the same instant"),
        pytest.param(LIVE - 1, 5, 0, id="no grace, later"),
        pytest.param(LIVE - 1, -0.001, 0, id="no grace, by a clock read before the rotation"),
        pytest.param(LIVE - 2, 0, 10, id="two generations old, within the grace"),
        pytest.param(0, 0, 10, id="the login's own token, within the grace"),
        pytest.param(0, 3600, 0, id="the login's own token, later"),
    ],
)
def test_any_other_spent_token_ends_the_session(presented: int, age: float, grace: float) -> None:
    assert rotate(session(), presented, ROTATED_AT + age, grace) == session(revoked=True)


def test_a_clock_read_before_the_rotation_is_within_the_grace() -> None:
    assert rotate(session(), LIVE - 1, ROTATED_AT - 0.001, 10) == session()


@pytest.mark.parametrize("ahead", [1, 2])
def test_a_generation_ahead_of_the_stores_is_served(ahead: int) -> None:
    after = rotate(session(), LIVE + ahead, 2000.0, 0)
    assert after == Session("sid", 5000, LIVE + ahead + 1, 2000.0)


@pytest.mark.parametrize(
    "presented",
    [
        pytest.param(LIVE, id="its live token"),
        pytest.param(LIVE - 1, id="the token before it, within the grace"),
        pytest.param(LIVE + 1, id="a token ahead of it"),
    ],
)
def test_an_ended_session_refuses(presented: int) -> None:
    with pytest.raises(TokenRevoked):
        rotate(session(revoked=True), presented, ROTATED_AT, 10)


def test_an_ended_session_stays_ended_when_an_old_token_is_replayed() -> None:
    assert rotate(session(revoked=True), LIVE - 2, ROTATED_AT, 10) == session(revoked=True)


@pytest.mark.parametrize(("before", "presented", "now", "grace"), every_case())
def test_whatever_is_presented_keeps_what_a_session_may_not_lose(
    before: Session, presented: int, now: float, grace: float
) -> None:
    try:
        after = rotate(before, presented, now, grace)
    except TokenRevoked:
        after = before
    assert (after.sid, after.expires_at) == (before.sid, before.expires_at)
    assert after.revoked >= before.revoked
    assert after.rotation_count >= before.rotation_count
