"""The API behaves alike over every store, seen from outside."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.services import Services
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock, codes

NEW_PASSWORD = "another good one"
GRACE = 10.0


@pytest.fixture
def api(start: Callable[..., Services], store_url: str) -> Iterator[Api]:
    services = start(
        STORE_URL=store_url, ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=GRACE
    )
    yield Api()
    services.accounts.store.close()


def test_an_email_registers_once(api: Api) -> None:
    assert api.register().status_code == 201
    assert codes(api.register(" User@EXAMPLE.com")) == {"email": ["duplicate_email"]}


def test_only_the_right_password_logs_in(api: Api) -> None:
    tokens = api.enter()
    assert api.profile(tokens["access_token"]).json()["email"] == EMAIL
    assert api.login(password="wrong password").json()["code"] == "invalid_credentials"
    assert api.login("nobody@example.com").json()["code"] == "invalid_credentials"


def test_a_lost_response_gets_the_same_successor_and_later_reuse_ends_the_session(
    api: Api, clock: MovableClock
) -> None:
    first = api.enter()["refresh_token"]
    second = api.refresh(first).json()
    clock.advance(GRACE / 2)
    assert api.refresh(first).json()["refresh_token"] == second["refresh_token"]
    clock.advance(GRACE)
    assert api.refresh(first).json()["code"] == "token_reused"
    assert api.refresh(second["refresh_token"]).json()["code"] == "token_revoked"
    assert api.profile(second["access_token"]).json()["code"] == "token_revoked"


def test_fifty_refreshes_at_once_have_one_successor(api: Api) -> None:
    token = api.enter()["refresh_token"]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: api.refresh(token), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_a_logout_ends_one_session_at_once(api: Api) -> None:
    one, other = api.enter(), api.login().json()
    assert api.logout(one["refresh_token"]).status_code == 204
    assert api.profile(one["access_token"]).json()["code"] == "token_revoked"
    assert api.profile(other["access_token"]).status_code == 200


def test_logout_all_ends_every_session(api: Api) -> None:
    one, other = api.enter(), api.login().json()
    assert api.post("auth/logout-all", token=one["access_token"]).status_code == 204
    for tokens in (one, other):
        assert api.profile(tokens["access_token"]).json()["code"] == "token_revoked"
        assert api.refresh(tokens["refresh_token"]).json()["code"] == "token_revoked"
    assert api.login().status_code == 200


def test_a_new_password_replaces_the_old_one_and_every_session(api: Api) -> None:
    old = api.enter()
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    fresh = api.post("auth/password", body, token=old["access_token"]).json()
    assert api.profile(fresh["access_token"]).status_code == 200
    assert api.profile(old["access_token"]).json()["code"] == "token_revoked"
    assert api.login().status_code == 401
    assert api.login(password=NEW_PASSWORD).status_code == 200


def test_health_names_the_store(api: Api, store_url: str) -> None:
    kind = store_url.partition(":")[0].replace("valkey", "redis")
    assert api.client.get("/health").json()["store"] == kind
    assert api.client.get("/health/ready").status_code == 200
