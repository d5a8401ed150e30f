"""The three ways to revoke sessions, over HTTP: logout, logout-all and a password change."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.domain.events import Event
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock, get_field_codes
from tests.support.http import (
    NEW_PASSWORD,
    Start,
    decode_claims,
    decode_header,
    forge,
    get_error,
    sign,
)
from tests.support.sessions import (
    LIFETIME,
    REUSED,
    REVOKED,
    change_password,
    record_signals,
    rotate,
)

TOKEN_REQUIRED: list[tuple[str, Any]] = [
    ("auth/logout-all", None),
    ("auth/password", {}),
    ("auth/delete-account", {}),
]


def logout(api: Api, pair: dict[str, Any]) -> Any:
    return api.logout(pair["refresh_token"])


def logout_all(api: Api, pair: dict[str, Any]) -> Any:
    return api.post("auth/logout-all", token=pair["access_token"])


def change(api: Api, pair: dict[str, Any]) -> Any:
    return change_password(api, pair["access_token"])


every_way = pytest.mark.parametrize("revoke", [logout, logout_all, change])
every_way_for_all_sessions = pytest.mark.parametrize("revoke", [logout_all, change])
Revoke = Callable[[Api, dict[str, Any]], Any]


@pytest.fixture(params=[False, True], ids=["rotation off", "rotation on"])
def client(request: pytest.FixtureRequest, start: Start) -> Api:
    start(ROTATE_REFRESH_TOKENS=request.param)
    return Api()


@every_way
def test_revoked_tokens_are_rejected_at_their_next_use(client: Api, revoke: Revoke) -> None:
    pair = client.register_and_log_in()
    assert revoke(client, pair).status_code in {200, 204}
    assert get_error(client.profile(pair["access_token"])) == REVOKED
    assert get_error(client.refresh(pair["refresh_token"])) == REVOKED


@every_way
def test_refreshed_session_loses_all_its_access_tokens(client: Api, revoke: Revoke) -> None:
    first = client.register_and_log_in()
    second = first | client.refresh(first["refresh_token"]).json()
    revoke(client, second)
    assert get_error(client.profile(first["access_token"])) == REVOKED
    assert get_error(client.profile(second["access_token"])) == REVOKED


@every_way
def test_other_users_keep_their_sessions(client: Api, revoke: Revoke) -> None:
    pair, other = client.register_and_log_in(), client.register_and_log_in("other@example.com")
    revoke(client, pair)
    assert client.profile(other["access_token"]).status_code == 200
    assert client.refresh(other["refresh_token"]).status_code == 200


@every_way
def test_user_can_log_in_again(api: Api, revoke: Revoke) -> None:
    revoke(api, api.register_and_log_in())
    password = NEW_PASSWORD if revoke is change else PASSWORD
    assert api.login(password=password).status_code == 200


@every_way_for_all_sessions
def test_every_session_of_the_user_is_revoked(client: Api, revoke: Revoke) -> None:
    pair, other = client.register_and_log_in(), client.login().json()
    revoke(client, pair)
    assert get_error(client.profile(other["access_token"])) == REVOKED
    assert get_error(client.refresh(other["refresh_token"])) == REVOKED


@every_way_for_all_sessions
def test_security_stamp_is_replaced(api: Api, revoke: Revoke) -> None:
    pair = api.register_and_log_in()
    revoke(api, pair)
    after = api.login(password=NEW_PASSWORD if revoke is change else PASSWORD).json()
    assert decode_claims(after["access_token"])["ver"] != decode_claims(pair["access_token"])["ver"]


@every_way
def test_revoked_session_revokes_no_other(api: Api, revoke: Revoke) -> None:
    pair = api.register_and_log_in()
    api.logout(pair["refresh_token"])
    other = api.login().json()
    assert revoke(api, pair).status_code in {204, 401}
    assert api.profile(other["access_token"]).status_code == 200


# Logout


def test_logout_returns_no_content(api: Api) -> None:
    response = api.logout(api.register_and_log_in()["refresh_token"])
    assert (response.status_code, response.content) == (204, b"")
    assert "Content-Type" not in response


def test_logout_revokes_one_session_only(client: Api) -> None:
    pair, other = client.register_and_log_in(), client.login().json()
    client.logout(pair["refresh_token"])
    assert client.profile(other["access_token"]).status_code == 200
    assert client.refresh(other["refresh_token"]).status_code == 200


def test_logout_used_token_revokes_its_session(start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    api = Api()
    pairs = rotate(api, api.register_and_log_in(), 3)
    assert api.logout(pairs[0]["refresh_token"]).status_code == 204
    assert {get_error(api.profile(pair["access_token"])) for pair in pairs} == {REVOKED}
    assert get_error(api.refresh(pairs[-1]["refresh_token"])) == REVOKED


@pytest.mark.parametrize(("grace", "error"), [(10, REVOKED), (0, REUSED)])
def test_used_token_after_logout_is_rejected(
    start: Start, grace: int, error: tuple[int, str]
) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=grace)
    api = Api()
    first, second = rotate(api, api.register_and_log_in(), 1)
    api.logout(second["refresh_token"])
    assert get_error(api.refresh(first["refresh_token"])) == error


def test_logout_twice_sends_one_event(api: Api) -> None:
    refresh_token = api.register_and_log_in()["refresh_token"]
    with record_signals() as signals:
        assert [api.logout(refresh_token).status_code for _ in range(2)] == [204, 204]
    assert signals == [(Event.TOKEN_REVOKED, EMAIL)]


def test_logout_expired_token_is_accepted(api: Api, clock: MovableClock) -> None:
    refresh_token = api.register_and_log_in()["refresh_token"]
    clock.advance(LIFETIME)
    assert api.logout(refresh_token).status_code == 204


@pytest.mark.parametrize("text", ["", " ", "garbage", "a.b.c", "\0", "é" * 9, "x" * 10_000])
def test_logout_any_string_is_accepted(api: Api, text: str) -> None:
    assert api.logout(text).status_code == 204


def test_logout_ignores_white_space_around_the_token(api: Api) -> None:
    pair = api.register_and_log_in()
    assert api.logout(f" \t{pair['refresh_token']}\r\n").status_code == 204
    assert get_error(api.profile(pair["access_token"])) == REVOKED


def test_logout_access_token_revokes_its_session_only(client: Api) -> None:
    pair, other = client.register_and_log_in(), client.login().json()
    with record_signals() as signals:
        assert client.logout(pair["access_token"]).status_code == 204
    assert signals == [(Event.TOKEN_REVOKED, EMAIL)]
    assert get_error(client.profile(pair["access_token"])) == REVOKED
    assert get_error(client.refresh(pair["refresh_token"])) == REVOKED
    assert client.profile(other["access_token"]).status_code == 200


def test_logout_expired_access_token_revokes_its_session(api: Api, clock: MovableClock) -> None:
    pair = api.register_and_log_in()
    clock.advance(LIFETIME - 1)
    assert api.logout(pair["access_token"]).status_code == 204
    assert get_error(api.refresh(pair["refresh_token"])) == REVOKED


def test_logout_access_token_of_ended_session_is_accepted(api: Api, clock: MovableClock) -> None:
    token = api.register_and_log_in()["access_token"]
    clock.advance(LIFETIME)
    with record_signals() as signals:
        assert api.logout(token).status_code == 204
    assert signals == []


def test_logout_access_token_of_rotated_session_revokes_it(start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True)
    api = Api()
    pairs = rotate(api, api.register_and_log_in(), 2)
    assert api.logout(pairs[0]["access_token"]).status_code == 204
    assert get_error(api.profile(pairs[-1]["access_token"])) == REVOKED
    assert get_error(api.refresh(pairs[-1]["refresh_token"])) == REVOKED


def test_logout_forged_access_token_revokes_nothing(api: Api) -> None:
    pair = api.register_and_log_in()
    token = pair["access_token"]
    for forged in (
        sign(decode_header(token), decode_claims(token), key="x" * 32),
        forge(token, ver="another stamp"),
        forge(token, aud="somebody"),
        forge(token, nbf=2_000_000_000),
        forge(token, exp=0, nbf=2_000_000_000),
        forge(token, type="id"),
    ):
        assert api.logout(forged).status_code == 204
    assert api.profile(token).status_code == 200
    assert api.refresh(pair["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "required"),
        ({}, "required"),
        ({"refresh_token": None}, "null"),
        ({"refresh_token": 7}, "wrong_type"),
    ],
)
def test_logout_wrong_shape_is_unprocessable(api: Api, body: Any, code: str) -> None:
    response = api.post("auth/logout", body)
    assert get_error(response) == (422, "unprocessable")
    assert get_field_codes(response) == {"refresh_token": [code]}


# Logout-all and the password change


def test_logout_all_returns_no_content(api: Api) -> None:
    response = logout_all(api, api.register_and_log_in())
    assert (response.status_code, response.content) == (204, b"")


def test_logout_all_ignores_its_body(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    assert api.post("auth/logout-all", {"a": 1}, token=token).status_code == 204


def test_logout_all_sends_its_event(api: Api) -> None:
    pair = api.register_and_log_in()
    with record_signals() as signals:
        assert logout_all(api, pair).status_code == 204
    assert signals == [(Event.TOKEN_REVOKED, EMAIL)]


@pytest.mark.parametrize(("path", "body"), TOKEN_REQUIRED)
def test_access_token_is_required(api: Api, path: str, body: Any) -> None:
    assert get_error(api.post(path, body)) == (401, "not_authenticated")
    token = api.register_and_log_in()["refresh_token"]
    assert get_error(api.post(path, body, token=token)) == (401, "token_invalid")
