"""Refresh over HTTP: with and without rotation, with and without a grace period.

The rule itself is tested in `domain/test_sessions`.
"""

from datetime import timedelta

import pytest

from accounts.domain.events import Event
from accounts.domain.users import EmailAddress
from accounts.stores.memory import MemoryStore
from tests.support.api import EMAIL, Api, MovableClock
from tests.support.http import Start, decode_claims, get_error
from tests.support.sessions import EXPIRED, LIFETIME, REUSED, REVOKED, record_signals, rotate

PAIR = {"access_token", "refresh_token", "token_type", "expires_in"}


@pytest.fixture(params=[0, 10], ids=["no grace", "grace of 10 s"])
def rotating(request: pytest.FixtureRequest, start: Start) -> Api:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=request.param)
    return Api()


@pytest.fixture
def with_grace(start: Start) -> Api:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=10)
    return Api()


# Without rotation


def test_refresh_without_rotation_returns_an_access_token(api: Api) -> None:
    response = api.refresh(api.register_and_log_in()["refresh_token"])
    assert response.status_code == 200
    assert response.json().keys() == PAIR - {"refresh_token"}
    assert response.json()["token_type"] == "bearer"
    assert response.json()["expires_in"] == 900
    assert api.profile(response.json()["access_token"]).status_code == 200


def test_refresh_without_rotation_works_until_expiry(api: Api, clock: MovableClock) -> None:
    refresh_token = api.register_and_log_in()["refresh_token"]
    for _ in range(3):
        clock.advance(LIFETIME / 4)
        assert api.refresh(refresh_token).status_code == 200
    clock.advance(LIFETIME / 4)
    assert get_error(api.refresh(refresh_token)) == EXPIRED


def test_used_token_stays_used_after_rotation_is_disabled(start: Start) -> None:
    store = start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0).accounts.store
    api = Api()
    first, second = rotate(api, api.register_and_log_in(), 1)
    start(ROTATE_REFRESH_TOKENS=False).accounts.store = store
    assert api.refresh(second["refresh_token"]).status_code == 200
    assert get_error(api.refresh(first["refresh_token"])) == REUSED
    assert get_error(api.refresh(second["refresh_token"])) == REVOKED


def test_retry_after_rotation_is_disabled_gets_an_access_token(start: Start) -> None:
    store = start(ROTATE_REFRESH_TOKENS=True).accounts.store
    api = Api()
    first, _ = rotate(api, api.register_and_log_in(), 1)
    start(ROTATE_REFRESH_TOKENS=False).accounts.store = store
    assert api.refresh(first["refresh_token"]).json().keys() == PAIR - {"refresh_token"}


# With rotation


def test_refresh_returns_a_rotated_token(rotating: Api) -> None:
    pairs = rotate(rotating, rotating.register_and_log_in(), 3)
    assert all(pair.keys() == PAIR for pair in pairs)
    tokens = [decode_claims(pair["refresh_token"]) for pair in pairs]
    assert [token["gen"] for token in tokens] == [0, 1, 2, 3]
    assert len({token["jti"] for token in tokens}) == 4
    assert len({(token["sid"], token["ver"], token["sub"]) for token in tokens}) == 1


def test_rotated_token_is_issued_at_its_rotation(with_grace: Api, clock: MovableClock) -> None:
    first = with_grace.register_and_log_in()
    clock.advance(60)
    now = int(clock())
    for _ in range(2):  # the second is a retry
        [_, rotated] = rotate(with_grace, first, 1)
        assert decode_claims(rotated["refresh_token"])["iat"] == now
        clock.advance(5)


def test_rotation_keeps_earlier_access_tokens_valid(rotating: Api) -> None:
    pairs = rotate(rotating, rotating.register_and_log_in(), 3)
    assert {rotating.profile(pair["access_token"]).status_code for pair in pairs} == {200}


@pytest.mark.parametrize("rotations", [1, 5])
@pytest.mark.parametrize("seconds", [0, 9.75])
def test_retry_within_grace_gets_the_identical_token(
    with_grace: Api, clock: MovableClock, seconds: float, rotations: int
) -> None:
    *_, previous, newest = rotate(with_grace, with_grace.register_and_log_in(), rotations)
    clock.advance(seconds)
    retried = with_grace.refresh(previous["refresh_token"]).json()
    assert retried["refresh_token"] == newest["refresh_token"]
    assert with_grace.profile(retried["access_token"]).status_code == 200


def test_refresh_ignores_white_space_around_the_token(api: Api) -> None:
    token = api.register_and_log_in()["refresh_token"]
    assert api.refresh(f" {token}\n").status_code == 200


def test_retry_does_not_extend_the_grace(with_grace: Api, clock: MovableClock) -> None:
    first, _ = rotate(with_grace, with_grace.register_and_log_in(), 1)
    for _ in range(2):
        assert with_grace.refresh(first["refresh_token"]).status_code == 200
        clock.advance(6)
    assert get_error(with_grace.refresh(first["refresh_token"])) == REUSED


@pytest.mark.parametrize(
    ("grace", "rotations", "seconds"),
    [
        pytest.param(0, 1, 0, id="previous token, no grace"),
        pytest.param(0, 1, -0.25, id="previous token, no grace, clock set back"),
        pytest.param(10, 1, 10, id="previous token, grace over"),
        pytest.param(10, 2, 0, id="older token within the grace"),
        pytest.param(10, 5, 3600, id="first token after many rotations"),
    ],
)
def test_refresh_reused_token_revokes_the_session(
    start: Start, clock: MovableClock, grace: float, rotations: int, seconds: float
) -> None:
    start(
        ROTATE_REFRESH_TOKENS=True,
        REFRESH_REUSE_GRACE_SECONDS=grace,
        ACCESS_TOKEN_LIFETIME=timedelta(hours=2),
    )
    api = Api()
    pairs = rotate(api, api.register_and_log_in(), rotations)
    clock.advance(seconds)
    assert get_error(api.refresh(pairs[0]["refresh_token"])) == REUSED
    assert {get_error(api.profile(pair["access_token"])) for pair in pairs} == {REVOKED}
    assert get_error(api.refresh(pairs[-1]["refresh_token"])) == REVOKED


def test_refresh_reused_token_revokes_no_other_session(with_grace: Api) -> None:
    pairs = rotate(with_grace, with_grace.register_and_log_in(), 2)
    same_user, other_user = (
        with_grace.login().json(),
        with_grace.register_and_log_in("other@example.com"),
    )
    with_grace.refresh(pairs[0]["refresh_token"])
    for other in (same_user, other_user):
        assert with_grace.profile(other["access_token"]).status_code == 200
        assert with_grace.refresh(other["refresh_token"]).status_code == 200


def test_refresh_reused_token_sends_its_event(with_grace: Api) -> None:
    pairs = rotate(with_grace, with_grace.register_and_log_in(), 2)
    with record_signals() as signals:
        with_grace.refresh(pairs[0]["refresh_token"])
    assert signals == [(Event.TOKEN_REUSE, EMAIL)]


def test_retry_sends_no_reuse_event(with_grace: Api) -> None:
    first, _ = rotate(with_grace, with_grace.register_and_log_in(), 1)
    with record_signals() as signals:
        with_grace.refresh(first["refresh_token"])
    assert signals == [(Event.TOKEN_CREATED, EMAIL)]


def test_rotation_never_extends_the_session(rotating: Api, clock: MovableClock) -> None:
    pairs = [rotating.register_and_log_in()]
    for _ in range(6):
        clock.advance(LIFETIME / 7)
        pairs += rotate(rotating, pairs[-1], 1)[1:]
    assert len({decode_claims(pair["refresh_token"])["exp"] for pair in pairs}) == 1
    clock.advance(LIFETIME / 7)
    assert get_error(rotating.refresh(pairs[-1]["refresh_token"])) == EXPIRED


@pytest.mark.parametrize("rotate", [False, True], ids=["rotation off", "rotation on"])
def test_access_token_expires_with_its_session(
    start: Start, clock: MovableClock, rotate: bool
) -> None:
    start(ROTATE_REFRESH_TOKENS=rotate)
    api = Api()
    first = api.register_and_log_in()
    clock.advance(LIFETIME - 60)
    last = api.refresh(first["refresh_token"]).json()
    assert last["expires_in"] == 60
    session_end = decode_claims(first["refresh_token"])["exp"]
    assert decode_claims(last["access_token"])["exp"] == session_end


def test_token_ahead_of_a_store_that_lost_writes_is_accepted(
    start: Start, clock: MovableClock
) -> None:
    service = start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0).accounts
    api = Api()
    pairs = rotate(api, api.register_and_log_in(), 3)
    user = service.store.get_user(EmailAddress(EMAIL))
    assert user is not None
    service.store = MemoryStore(clock)
    service.store.add_user(user)
    [_, rotated] = rotate(api, pairs[3], 1)
    assert decode_claims(rotated["refresh_token"])["gen"] == 4
    assert get_error(api.refresh(pairs[2]["refresh_token"])) == REUSED


def test_token_of_an_account_registered_anew_is_revoked(start: Start) -> None:
    start()
    api = Api()
    old = api.register_and_log_in()
    start()
    api.register()
    assert get_error(api.profile(old["access_token"])) == REVOKED
    assert get_error(api.refresh(old["refresh_token"])) == REVOKED
