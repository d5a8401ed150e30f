"""The password change, over HTTP. That it ends every session is in `test_session_ends`."""

import pytest

from accounts.domain.events import Event
from tests.support.api import EMAIL, PASSWORD, Api, codes
from tests.support.http import NEW_PASSWORD, decode_claims, problem
from tests.support.sessions import change_password, hear_signals


def test_a_password_change_gives_a_fresh_working_pair(api: Api) -> None:
    pair = api.enter()
    response = change_password(api, pair["access_token"])
    assert response.status_code == 200
    fresh = response.json()
    assert fresh.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert decode_claims(fresh["access_token"])["sid"] != decode_claims(pair["access_token"])["sid"]
    assert api.profile(fresh["access_token"]).status_code == 200
    assert api.refresh(fresh["refresh_token"]).status_code == 200


def test_a_password_change_is_signalled_with_the_email(api: Api) -> None:
    pair = api.enter()
    with hear_signals() as signals:
        change_password(api, pair["access_token"])
    assert signals == [(Event.PASSWORD_CHANGE, EMAIL), (Event.TOKEN_CREATED, EMAIL)]


def test_only_the_new_password_logs_in(api: Api) -> None:
    change_password(api, api.enter()["access_token"])
    assert problem(api.login()) == (401, "invalid_credentials")
    assert api.login(password=NEW_PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "errors"),
    [
        ("the wrong one", NEW_PASSWORD, {"current_password": ["invalid_credentials"]}),
        ("short", NEW_PASSWORD, {"current_password": ["invalid_credentials"]}),
        (PASSWORD, "short", {"new_password": ["password_too_short"]}),
        (PASSWORD, "x" * 1025, {"new_password": ["password_too_long"]}),
    ],
)
def test_a_refused_password_change_is_400_and_changes_nothing(
    api: Api, current: str, new: str, errors: dict[str, list[str]]
) -> None:
    pair = api.enter()
    response = change_password(api, pair["access_token"], current, new)
    assert problem(response) == (400, "invalid")
    assert codes(response) == errors
    assert "WWW-Authenticate" not in response.headers
    assert api.profile(pair["access_token"]).status_code == 200
    assert api.login().status_code == 200


def test_a_password_change_of_the_wrong_shape_is_422_with_every_fault(api: Api) -> None:
    body = {"current_password": 7, "new_password": "short"}
    response = api.post("auth/password", body, token=api.enter()["access_token"])
    assert problem(response) == (422, "unprocessable")
    assert codes(response) == {
        "current_password": ["wrong_type"],
        "new_password": ["password_too_short"],
    }
