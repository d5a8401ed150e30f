"""What API.md says of rotation, over HTTP: off and on, with and without a grace."""

import pytest

from accounts.domain.events import Event
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import normalize_email
from accounts.stores.memory import MemoryStore
from tests.support.api import EMAIL, Api, MovableClock
from tests.support.http import Start, decode_claims, problem
from tests.support.sessions import EXPIRED, LIFETIME, REUSED, REVOKED, hear_signals, rotate


def without_its_sessions(store: AccountStore, clock: MovableClock) -> AccountStore:
    """Return the store as it is when its last writes were lost."""
    user = store.get_user(normalize_email(EMAIL))
    assert user is not None
    left = MemoryStore(clock)
    left.add_user(user)
    return left


@pytest.fixture(params=[0, 10], ids=["grace 0", "grace 10"])
def rotating(request: pytest.FixtureRequest, start: Start) -> Api:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=request.param)
    return Api()


@pytest.fixture
def forgiving(start: Start) -> Api:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=10)
    return Api()


def test_without_rotation_a_refresh_token_serves_until_it_expires(
    api: Api, clock: MovableClock
) -> None:
    refresh_token = api.enter()["refresh_token"]
    for _ in range(3):
        clock.advance(LIFETIME / 4)
        response = api.refresh(refresh_token)
        assert response.json().keys() == {"access_token", "token_type", "expires_in"}
        assert api.profile(response.json()["access_token"]).status_code == 200
    clock.advance(LIFETIME / 4)
    assert problem(api.refresh(refresh_token)) == EXPIRED


def test_a_token_that_was_spent_stays_spent_when_rotation_is_switched_off(start: Start) -> None:
    store = start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0).accounts.store
    api = Api()
    first, second = rotate(api, api.enter(), 1)
    start(ROTATE_REFRESH_TOKENS=False).accounts.store = store
    assert api.refresh(second["refresh_token"]).status_code == 200
    assert problem(api.refresh(first["refresh_token"])) == REUSED
    assert problem(api.refresh(second["refresh_token"])) == REVOKED


def test_each_refresh_answers_with_a_successor(rotating: Api) -> None:
    successors = [
        decode_claims(pair["refresh_token"]) for pair in rotate(rotating, rotating.enter(), 3)
    ]
    assert [token["gen"] for token in successors] == [0, 1, 2, 3]
    assert len({token["jti"] for token in successors}) == 4
    assert len({(token["sid"], token["ver"], token["sub"]) for token in successors}) == 1


def test_access_tokens_of_every_generation_work(rotating: Api) -> None:
    pairs = rotate(rotating, rotating.enter(), 3)
    assert {rotating.profile(pair["access_token"]).status_code for pair in pairs} == {200}


@pytest.mark.parametrize("seconds", [0, 9.75])
def test_within_the_grace_a_replay_gets_the_same_successor_byte_for_byte(
    forgiving: Api, clock: MovableClock, seconds: float
) -> None:
    first, second = rotate(forgiving, forgiving.enter(), 1)
    clock.advance(seconds)
    replay = forgiving.refresh(first["refresh_token"]).json()
    assert replay["refresh_token"] == second["refresh_token"]
    assert forgiving.profile(replay["access_token"]).status_code == 200


def test_a_replay_within_the_grace_works_after_many_rotations(forgiving: Api) -> None:
    pairs = rotate(forgiving, forgiving.enter(), 5)
    replay = forgiving.refresh(pairs[-2]["refresh_token"]).json()
    assert replay["refresh_token"] == pairs[-1]["refresh_token"]


def test_replays_do_not_stretch_the_grace(forgiving: Api, clock: MovableClock) -> None:
    first, _ = rotate(forgiving, forgiving.enter(), 1)
    for _ in range(2):
        assert forgiving.refresh(first["refresh_token"]).status_code == 200
        clock.advance(6)
    assert problem(forgiving.refresh(first["refresh_token"])) == REUSED


@pytest.mark.parametrize(
    ("grace", "rotations", "seconds"),
    [
        pytest.param(0, 1, 0, id="the preceding token without a grace"),
        pytest.param(0, 1, 3600, id="the preceding token without a grace, later"),
        pytest.param(0, 1, -0.25, id="the preceding token without a grace, the clock set back"),
        pytest.param(10, 1, 10, id="the preceding token when the grace has passed"),
        pytest.param(10, 2, 0, id="the one before that within the grace"),
        pytest.param(10, 5, 3600, id="the login's token after many rotations"),
    ],
)
def test_any_other_replay_kills_the_session_and_its_descendants_in_the_same_step(
    start: Start, clock: MovableClock, grace: float, rotations: int, seconds: float
) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=grace, ACCESS_TOKEN_LIFETIME=7200)
    api = Api()
    pairs = rotate(api, api.enter(), rotations)
    clock.advance(seconds)
    assert problem(api.refresh(pairs[0]["refresh_token"])) == REUSED
    assert {problem(api.profile(pair["access_token"])) for pair in pairs} == {REVOKED}
    assert problem(api.refresh(pairs[-1]["refresh_token"])) == REVOKED


def test_a_theft_is_signalled_with_the_email(forgiving: Api) -> None:
    pairs = rotate(forgiving, forgiving.enter(), 2)
    with hear_signals() as signals:
        forgiving.refresh(pairs[0]["refresh_token"])
    assert signals == [(Event.TOKEN_REUSE, EMAIL)]


def test_a_theft_of_one_session_spares_the_others(forgiving: Api) -> None:
    pairs = rotate(forgiving, forgiving.enter(), 2)
    same_user, other_user = forgiving.login().json(), forgiving.enter("other@example.com")
    forgiving.refresh(pairs[0]["refresh_token"])
    for other in (same_user, other_user):
        assert forgiving.profile(other["access_token"]).status_code == 200
        assert forgiving.refresh(other["refresh_token"]).status_code == 200


def test_an_honest_replay_is_no_alarm(forgiving: Api) -> None:
    first, _ = rotate(forgiving, forgiving.enter(), 1)
    with hear_signals() as signals:
        forgiving.refresh(first["refresh_token"])
    assert signals == [(Event.TOKEN_CREATED, EMAIL)]


def test_rotation_never_extends_the_session(rotating: Api, clock: MovableClock) -> None:
    pairs = [rotating.enter()]
    for _ in range(6):
        clock.advance(LIFETIME / 7)
        pairs += rotate(rotating, pairs[-1], 1)[1:]
    assert len({decode_claims(pair["refresh_token"])["exp"] for pair in pairs}) == 1
    clock.advance(LIFETIME / 7)
    assert problem(rotating.refresh(pairs[-1]["refresh_token"])) == EXPIRED


@pytest.mark.parametrize("rotates", [False, True], ids=["rotation off", "rotation on"])
def test_no_access_token_outlives_its_session(
    start: Start, clock: MovableClock, rotates: bool
) -> None:
    start(ROTATE_REFRESH_TOKENS=rotates)
    api = Api()
    first = api.enter()
    clock.advance(LIFETIME - 60)
    last = api.refresh(first["refresh_token"]).json()
    assert last["expires_in"] == 60
    assert (
        decode_claims(last["access_token"])["exp"] == decode_claims(first["refresh_token"])["exp"]
    )


def test_a_generation_ahead_of_the_stores_is_served_and_its_elders_are_spent(
    start: Start, clock: MovableClock
) -> None:
    service = start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0).accounts
    api = Api()
    pairs = rotate(api, api.enter(), 3)
    service.store = without_its_sessions(service.store, clock)
    [_, successor] = rotate(api, pairs[3], 1)
    assert decode_claims(successor["refresh_token"])["gen"] == 4
    assert problem(api.refresh(pairs[2]["refresh_token"])) == REUSED


def test_a_token_of_an_account_that_was_made_anew_opens_nothing(start: Start) -> None:
    start()
    api = Api()
    old = api.enter()
    start()
    api.register()
    assert problem(api.profile(old["access_token"])) == REVOKED
    assert problem(api.refresh(old["refresh_token"])) == REVOKED
