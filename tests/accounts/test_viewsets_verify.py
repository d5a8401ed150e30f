"""`GET auth/verify`: what a proxy asks about a request for another service."""

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE
from tests.support.api import EMAIL, Api, MovableClock
from tests.support.http import get_error

VERIFY = "auth/verify"


def test_verify_of_a_good_token_names_the_user(api: Api) -> None:
    response = api.get(VERIFY, token=api.register_and_log_in()["access_token"])
    assert (response.status_code, response.content) == (204, b"")
    assert response["Remote-User"] == EMAIL
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("josé@example.com", "jos%C3%A9@example.com"),
        ("用户@example.com", "%E7%94%A8%E6%88%B7@example.com"),
        ("100%c3@example.com", "100%25c3@example.com"),
        ("!#$&'*+-/=?^_`{|}~.a@example.com", "!#$&'*+-/=?^_`{|}~.a@example.com"),
    ],
)
def test_verify_encodes_only_what_no_header_can_have(api: Api, email: str, expected: str) -> None:
    token = api.register_and_log_in(email)["access_token"]
    assert api.get(VERIFY, token=token)["Remote-User"] == expected


def test_verify_without_token_is_401_with_challenge(api: Api) -> None:
    response = api.get(VERIFY)
    assert get_error(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert "Remote-User" not in response


def test_verify_after_logout_is_401(api: Api) -> None:
    tokens = api.register_and_log_in()
    api.logout(tokens["refresh_token"])
    response = api.get(VERIFY, token=tokens["access_token"])
    assert get_error(response) == (401, "token_revoked")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_verify_of_an_expired_token_is_401(api: Api, clock: MovableClock) -> None:
    token = api.register_and_log_in()["access_token"]
    clock.advance(900)
    assert get_error(api.get(VERIFY, token=token)) == (401, "token_expired")


@pytest.mark.parametrize("accept", ["image/png", "text/html", "nonsense"])
def test_verify_ignores_accept(api: Api, accept: str) -> None:
    token = api.register_and_log_in()["access_token"]
    headers = {"Accept": accept}
    response = api.client.get(
        f"/api/v1/{VERIFY}", headers={**headers, "Authorization": f"Bearer {token}"}
    )
    assert response.status_code == 204
    assert get_error(api.client.get(f"/api/v1/{VERIFY}", headers=headers))[0] == 401


def test_verify_ignores_the_browsable_cookie(api: Api) -> None:
    api.client.cookies[ACCESS_COOKIE] = api.register_and_log_in()["access_token"]
    assert api.get("protected/profile").status_code == 200
    assert get_error(api.get(VERIFY)) == (401, "not_authenticated")
