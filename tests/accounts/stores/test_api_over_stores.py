"""The API works alike over every store."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.services import Services
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock, get_field_codes
from tests.support.http import NEW_PASSWORD
from tests.support.sessions import LIFETIME

GRACE = 10.0


@pytest.fixture
def api(start: Callable[..., Services], store_url: str) -> Iterator[Api]:
    services = start(
        STORE_URL=store_url, ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=GRACE
    )
    yield Api()
    services.accounts.store.close()


def test_register_email_twice_is_refused(api: Api) -> None:
    assert api.register().status_code == 201
    assert get_field_codes(api.register(" User@EXAMPLE.com")) == {"email": ["duplicate_email"]}


def test_login_needs_right_password(api: Api) -> None:
    tokens = api.register_and_log_in()
    assert api.profile(tokens["access_token"]).json()["email"] == EMAIL
    assert api.login(password="wrong password").json()["code"] == "invalid_credentials"
    assert api.login("nobody@example.com").json()["code"] == "invalid_credentials"


def test_refresh_retry_returns_same_token(api: Api, clock: MovableClock) -> None:
    first = api.register_and_log_in()["refresh_token"]
    second = api.refresh(first).json()
    clock.advance(GRACE / 2)
    assert api.refresh(first).json()["refresh_token"] == second["refresh_token"]


def test_refresh_reused_token_ends_session(api: Api, clock: MovableClock) -> None:
    first = api.register_and_log_in()["refresh_token"]
    second = api.refresh(first).json()
    clock.advance(GRACE)
    assert api.refresh(first).json()["code"] == "token_reused"
    assert api.refresh(second["refresh_token"]).json()["code"] == "token_revoked"
    assert api.profile(second["access_token"]).json()["code"] == "token_revoked"


def test_refresh_reused_token_after_clock_was_set_back_ends_session(
    api: Api, clock: MovableClock
) -> None:
    first = api.register_and_log_in()["refresh_token"]
    second = api.refresh(first).json()
    clock.advance(-3600)
    assert api.refresh(first).json()["code"] == "token_reused"
    assert api.refresh(second["refresh_token"]).json()["code"] == "token_revoked"


def test_refresh_retry_at_machine_with_slower_clock_returns_same_token(
    api: Api, clock: MovableClock
) -> None:
    first = api.register_and_log_in()["refresh_token"]
    second = api.refresh(first).json()
    clock.advance(-2)
    assert api.refresh(first).json()["refresh_token"] == second["refresh_token"]


def test_refresh_newest_token_after_clock_was_set_back_is_accepted(
    api: Api, clock: MovableClock
) -> None:
    token = api.refresh(api.register_and_log_in()["refresh_token"]).json()["refresh_token"]
    clock.advance(-3600)
    assert api.refresh(token).status_code == 200


def test_refresh_in_50_threads_returns_one_token(api: Api) -> None:
    token = api.register_and_log_in()["refresh_token"]
    with ThreadPoolExecutor(50) as pool:
        responses = list(pool.map(lambda _: api.refresh(token), range(50)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["refresh_token"] for response in responses}) == 1


def test_logout_ends_one_session(api: Api) -> None:
    one, other = api.register_and_log_in(), api.login().json()
    assert api.logout(one["refresh_token"]).status_code == 204
    assert api.profile(one["access_token"]).json()["code"] == "token_revoked"
    assert api.profile(other["access_token"]).status_code == 200


def test_logout_by_access_token_ends_session_for_good(api: Api, clock: MovableClock) -> None:
    tokens = api.register_and_log_in()
    assert api.logout(tokens["access_token"]).status_code == 204
    assert api.profile(tokens["access_token"]).json()["code"] == "token_revoked"
    clock.advance(LIFETIME - 1)
    api.logout(api.login().json()["refresh_token"])  # A store deletes ended sessions at a change.
    assert api.refresh(tokens["refresh_token"]).json()["code"] == "token_revoked"


def test_logout_all_ends_every_session(api: Api) -> None:
    one, other = api.register_and_log_in(), api.login().json()
    assert api.post("auth/logout-all", token=one["access_token"]).status_code == 204
    for tokens in (one, other):
        assert api.profile(tokens["access_token"]).json()["code"] == "token_revoked"
        assert api.refresh(tokens["refresh_token"]).json()["code"] == "token_revoked"
    assert api.login().status_code == 200


def test_password_change_ends_old_sessions(api: Api) -> None:
    old = api.register_and_log_in()
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    fresh = api.post("auth/password", body, token=old["access_token"]).json()
    assert api.profile(fresh["access_token"]).status_code == 200
    assert api.profile(old["access_token"]).json()["code"] == "token_revoked"
    assert api.login().status_code == 401
    assert api.login(password=NEW_PASSWORD).status_code == 200


def test_health_names_store(api: Api, store_url: str) -> None:
    name = store_url.partition(":")[0].replace("valkey", "redis")
    assert api.client.get("/health").json()["store"] == name
    assert api.client.get("/health/ready").status_code == 200
