from dataclasses import replace
from itertools import product

import pytest

from accounts.domain.errors import TokenRevoked, UnknownSession
from accounts.domain.sessions import (
    Session,
    add_session,
    clean_client,
    get_live_sessions,
    revoke_listed_session,
    use_refresh_token,
)

ROTATED_AT = 1000.0
NEWEST = 3
"""The rotation count of the newest token: the session was rotated three times."""


def session(*, revoked: bool = False) -> Session:
    return Session("sid", 5000, NEWEST, ROTATED_AT, revoked)


def use(
    before: Session, rotation_count: int, age: float = 0, grace: float = 10, *, rotate: bool = True
) -> Session:
    """Use a token `age` seconds after the session's last rotation."""
    now = ROTATED_AT + age
    return use_refresh_token(before, rotation_count, now, rotate=rotate, grace=grace, expires_at=0)


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


def tracked(number: int, stamp: str = "stamp") -> Session:
    return Session(f"sid {number}", 5000, created_at=1000.0 + number, security_stamp=stamp)


def test_refresh_without_rotation_is_remembered_for_a_tracked_session() -> None:
    used = use(tracked(1), 0, 50, rotate=False)
    assert used == replace(tracked(1), refreshed_at=1050.0)
    assert (tracked(1).last_refreshed_at, used.last_refreshed_at) == (None, 1050.0)
    assert use(tracked(1), 0, 60).last_refreshed_at == 1060.0


@pytest.mark.parametrize(("expires_at", "expected"), [(4999, 5000), (5001, 5001)])
def test_rotation_prolongs_the_session_and_never_shortens_it(
    expires_at: int, expected: int
) -> None:
    rotated = use_refresh_token(
        session(), NEWEST, ROTATED_AT, rotate=True, grace=10, expires_at=expires_at
    )
    assert rotated.expires_at == expected


def test_retry_does_not_prolong_the_session() -> None:
    retried = use_refresh_token(
        session(), NEWEST - 1, ROTATED_AT, rotate=True, grace=10, expires_at=9000
    )
    assert retried == session()


def test_live_sessions_are_those_with_the_stamp_newest_first() -> None:
    listed = [tracked(2), tracked(1), tracked(4, "old stamp"), tracked(3)]
    assert get_live_sessions(listed, "stamp") == [tracked(3), tracked(2), tracked(1)]


def test_added_session_ends_none_up_to_20() -> None:
    listed = [tracked(number) for number in range(19)]
    assert add_session(listed, tracked(99)) == [tracked(99)]


def test_added_session_ends_the_oldest_above_20() -> None:
    listed = [tracked(number) for number in range(20)]
    ended = replace(tracked(0), revoked=True)
    assert add_session(reversed(listed), tracked(99)) == [ended, tracked(99)]


def test_added_session_ends_none_of_a_newer_stamp() -> None:
    """The password was changed while a login with the old one was checked."""
    assert add_session([tracked(1, "new stamp")], tracked(2, "stamp")) == [tracked(2, "stamp")]


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(None, id="absent"),
        pytest.param(replace(tracked(1), revoked=True), id="revoked"),
        pytest.param(replace(tracked(1), created_at=0.0), id="untracked"),
        pytest.param(tracked(1, "old stamp"), id="of another stamp"),
    ],
)
def test_session_that_is_not_live_cannot_be_revoked(unknown: Session | None) -> None:
    with pytest.raises(UnknownSession):
        revoke_listed_session(unknown, "stamp")


def test_live_session_is_revoked() -> None:
    assert revoke_listed_session(tracked(1), "stamp") == replace(tracked(1), revoked=True)


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("curl\r\nX-Evil: 1\x00\x1b[31m\x7f", "curlX-Evil: 1[31m"),
        ("a\u202eb\u200bc\u3164d\ufeff\ud800", "abcd"),
        (" a ", "a"),
        ("x" * 101, "x" * 100),
        (" \u200b ", None),
        ("", None),
        (None, None),
    ],
    ids=["browser", "HTML", "controls", "invisible", "blanks", "long", "nothing", "empty", "none"],
)
def test_client_is_the_visible_part_of_a_user_agent(
    user_agent: str | None, client: str | None
) -> None:
    assert clean_client(user_agent) == client
