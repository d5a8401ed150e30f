"""The three ways to end sessions, over HTTP: logout, logout-all, a password change."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.domain.events import Event
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock, codes
from tests.support.http import NEW_PASSWORD, Start, decode_claims, problem
from tests.support.sessions import LIFETIME, REUSED, REVOKED, change_password, hear_signals, rotate

TOKEN_REQUIRED: list[tuple[str, Any]] = [("auth/logout-all", None), ("auth/password", {})]


@pytest.fixture(params=[False, True], ids=["rotation off", "rotation on"])
def either(request: pytest.FixtureRequest, start: Start) -> Api:
    start(ROTATE_REFRESH_TOKENS=request.param)
    return Api()


def end_by_logout(api: Api, pair: dict[str, Any]) -> Any:
    return api.logout(pair["refresh_token"])


def end_by_logout_all(api: Api, pair: dict[str, Any]) -> Any:
    return api.post("auth/logout-all", token=pair["access_token"])


def end_by_password(api: Api, pair: dict[str, Any]) -> Any:
    return change_password(api, pair["access_token"])


every_end = pytest.mark.parametrize("end", [end_by_logout, end_by_logout_all, end_by_password])
every_end_of_all = pytest.mark.parametrize("end", [end_by_logout_all, end_by_password])
End = Callable[[Api, dict[str, Any]], Any]


@every_end
def test_both_tokens_are_dead_on_their_very_next_use(either: Api, end: End) -> None:
    pair = either.enter()
    assert end(either, pair).status_code in {200, 204}
    assert problem(either.profile(pair["access_token"])) == REVOKED
    assert problem(either.refresh(pair["refresh_token"])) == REVOKED


@every_end
def test_a_session_that_was_refreshed_ends_with_all_its_access_tokens(
    either: Api, end: End
) -> None:
    first = either.enter()
    second = first | either.refresh(first["refresh_token"]).json()
    end(either, second)
    assert problem(either.profile(first["access_token"])) == REVOKED
    assert problem(either.profile(second["access_token"])) == REVOKED


@every_end
def test_other_users_live_on(either: Api, end: End) -> None:
    pair, other = either.enter(), either.enter("other@example.com")
    end(either, pair)
    assert either.profile(other["access_token"]).status_code == 200
    assert either.refresh(other["refresh_token"]).status_code == 200


@every_end
def test_the_user_can_log_in_again(api: Api, end: End) -> None:
    end(api, api.enter())
    [again] = [
        response
        for response in (api.login(), api.login(password=NEW_PASSWORD))
        if response.status_code == 200
    ]
    assert api.profile(again.json()["access_token"]).status_code == 200


@every_end_of_all
def test_every_session_of_the_user_ends(either: Api, end: End) -> None:
    pair, other = either.enter(), either.login().json()
    end(either, pair)
    assert problem(either.profile(other["access_token"])) == REVOKED
    assert problem(either.refresh(other["refresh_token"])) == REVOKED


@every_end_of_all
def test_the_version_is_replaced(api: Api, end: End) -> None:
    pair = api.enter()
    end(api, pair)
    after = api.login(password=NEW_PASSWORD if end is end_by_password else PASSWORD).json()
    assert decode_claims(after["access_token"])["ver"] != decode_claims(pair["access_token"])["ver"]


# Logout


def test_logout_ends_one_session_and_no_other(either: Api) -> None:
    pair, other = either.enter(), either.login().json()
    assert either.logout(pair["refresh_token"]).status_code == 204
    assert either.profile(other["access_token"]).status_code == 200
    assert either.refresh(other["refresh_token"]).status_code == 200


def test_a_spent_refresh_token_ends_its_session_at_logout(start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    api = Api()
    pairs = rotate(api, api.enter(), 3)
    assert api.logout(pairs[0]["refresh_token"]).status_code == 204
    assert {problem(api.profile(pair["access_token"])) for pair in pairs} == {REVOKED}
    assert problem(api.refresh(pairs[-1]["refresh_token"])) == REVOKED


def test_the_grace_revives_no_session_that_was_logged_out(start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=10)
    api = Api()
    first, second = rotate(api, api.enter(), 1)
    api.logout(second["refresh_token"])
    assert problem(api.refresh(first["refresh_token"])) == REVOKED


def test_an_old_replay_is_theft_after_a_logout_too(start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    api = Api()
    first, second = rotate(api, api.enter(), 1)
    api.logout(second["refresh_token"])
    assert problem(api.refresh(first["refresh_token"])) == REUSED


def test_logout_is_signalled_once_with_the_email(api: Api) -> None:
    refresh_token = api.enter()["refresh_token"]
    with hear_signals() as signals:
        assert [api.logout(refresh_token).status_code for _ in range(2)] == [204, 204]
    assert signals == [(Event.TOKEN_REVOKED, EMAIL)]


def test_logout_with_an_expired_token_is_204(api: Api, clock: MovableClock) -> None:
    refresh_token = api.enter()["refresh_token"]
    clock.advance(LIFETIME)
    assert api.logout(refresh_token).status_code == 204


@pytest.mark.parametrize("text", ["", "garbage", "a.b.c", "\0", "é" * 9, "x" * 10_000])
def test_logout_with_any_other_string_is_204(api: Api, text: str) -> None:
    assert api.logout(text).status_code == 204


def test_logout_with_an_access_token_is_204_and_ends_nothing(api: Api) -> None:
    pair = api.enter()
    assert api.logout(pair["access_token"]).status_code == 204
    assert api.profile(pair["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        (None, "required"),
        ({"refresh_token": None}, "null"),
        ({"refresh_token": 7}, "wrong_type"),
        ({"refresh_token": ["a.b.c"]}, "wrong_type"),
        ({"refresh_token": {"a": "b"}}, "wrong_type"),
        ({"refresh_token": True}, "wrong_type"),
    ],
)
def test_logout_with_the_wrong_shape_is_422(api: Api, body: Any, code: str) -> None:
    response = api.post("auth/logout", body)
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {"refresh_token": [code]}


# Logout-all and the password change


@pytest.mark.parametrize(("path", "body"), TOKEN_REQUIRED)
def test_a_token_is_required(api: Api, path: str, body: Any) -> None:
    assert problem(api.post(path, body)) == (401, "not_authenticated")


@pytest.mark.parametrize(("path", "body"), TOKEN_REQUIRED)
def test_a_refresh_token_is_no_credential(api: Api, path: str, body: Any) -> None:
    token = api.enter()["refresh_token"]
    assert problem(api.post(path, body, token=token)) == (401, "token_invalid")


@every_end
def test_an_ended_session_ends_no_other(api: Api, end: End) -> None:
    pair = api.enter()
    api.logout(pair["refresh_token"])
    other = api.login().json()
    assert end(api, pair).status_code in {204, 401}
    assert api.profile(other["access_token"]).status_code == 200


def test_logout_all_is_signalled_with_the_email(api: Api) -> None:
    pair = api.enter()
    with hear_signals() as signals:
        assert end_by_logout_all(api, pair).status_code == 204
    assert signals == [(Event.TOKEN_REVOKED, EMAIL)]
