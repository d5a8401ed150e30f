"""Deleting one's own account, over HTTP and over every store."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.domain.events import Event
from accounts.domain.users import EmailAddress, User
from accounts.services import get_services
from accounts.stores.memory import MemoryStore
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock, get_field_codes
from tests.support.http import NEW_PASSWORD, Start, get_error
from tests.support.sessions import record_signals
from tests.support.stores import set_stamp

PATH = "auth/delete-account"
BODY = {"current_password": PASSWORD}
REVOKED = (401, "token_revoked")


@pytest.fixture
def api(start: Start, store_url: str) -> Iterator[Api]:
    services = start(STORE_URL=store_url)
    yield Api()
    services.accounts.store.close()


def test_delete_account_ends_every_token(api: Api) -> None:
    other = api.register_and_log_in()
    tokens = api.login().json()
    assert api.post(PATH, BODY, token=tokens["access_token"]).status_code == 204
    for one in (other, tokens):
        assert get_error(api.profile(one["access_token"])) == REVOKED
        assert get_error(api.refresh(one["refresh_token"])) == REVOKED
        assert get_error(api.post(PATH, BODY, token=one["access_token"])) == REVOKED
    assert get_error(api.login()) == (401, "invalid_credentials")


def test_address_can_register_anew_and_no_old_token_opens_it(api: Api) -> None:
    old = api.register_and_log_in()
    api.post(PATH, BODY, token=old["access_token"])
    assert api.register(password=NEW_PASSWORD).status_code == 201
    assert get_error(api.profile(old["access_token"])) == REVOKED
    assert get_error(api.refresh(old["refresh_token"])) == REVOKED
    assert get_error(api.login()) == (401, "invalid_credentials")
    assert api.login(password=NEW_PASSWORD).status_code == 200


@pytest.mark.parametrize("password", ["wrong horse", "", f"{PASSWORD} ", "x" * 2000])
def test_wrong_password_deletes_nothing(api: Api, password: str) -> None:
    token = api.register_and_log_in()["access_token"]
    response = api.post(PATH, {"current_password": password}, token=token)
    assert get_error(response) == (400, "invalid")
    assert get_field_codes(response) == {"current_password": ["invalid_credentials"]}
    assert api.profile(token).status_code == 200


def test_delete_account_sends_its_event(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    with record_signals() as events:
        api.post(PATH, BODY, token=token)
    assert events == [(Event.USER_DELETED, EMAIL)]


class DeletedMeanwhileStore(MemoryStore):
    """Loses its users just before each change, as if another request had deleted them."""

    def update_user(self, email: EmailAddress, update_fn: Callable[[User], User]) -> User:
        self._users.clear()
        return super().update_user(email, update_fn)

    def delete_user(self, email: EmailAddress, check_fn: Callable[[User], object]) -> None:
        self._users.clear()
        super().delete_user(email, check_fn)


class RevokedMeanwhileStore(MemoryStore):
    """Replaces a user's stamp just before each change, as if another request had logged out all."""

    def update_user(self, email: EmailAddress, update_fn: Callable[[User], User]) -> User:
        super().update_user(email, set_stamp("another"))
        return super().update_user(email, update_fn)

    def delete_user(self, email: EmailAddress, check_fn: Callable[[User], object]) -> None:
        super().update_user(email, set_stamp("another"))
        super().delete_user(email, check_fn)


@pytest.fixture
def racing_api(start: Start, clock: MovableClock) -> Api:
    start(BCRYPT_ROUNDS=4).accounts.store = DeletedMeanwhileStore(clock)
    return Api()


every_change = pytest.mark.parametrize(
    ("path", "body"),
    [
        ("auth/logout-all", None),
        ("auth/password", {**BODY, "new_password": NEW_PASSWORD}),
        (PATH, BODY),
    ],
)


@every_change
def test_request_that_loses_to_a_deletion_is_401(racing_api: Api, path: str, body: Any) -> None:
    token = racing_api.register_and_log_in()["access_token"]
    with record_signals() as signals:
        assert get_error(racing_api.post(path, body, token=token)) == REVOKED
    assert signals == []


@every_change
def test_request_that_loses_to_a_revocation_is_401_and_changes_nothing(
    start: Start, clock: MovableClock, path: str, body: Any
) -> None:
    start().accounts.store = RevokedMeanwhileStore(clock)
    api = Api()
    token = api.register_and_log_in()["access_token"]
    with record_signals() as signals:
        assert get_error(api.post(path, body, token=token)) == REVOKED
    assert signals == []
    assert api.login().status_code == 200


def test_login_whose_hash_upgrade_loses_to_a_deletion_succeeds(
    racing_api: Api, start: Start
) -> None:
    racing_api.register()
    store = get_services().accounts.store
    start(BCRYPT_ROUNDS=5).accounts.store = store
    assert racing_api.login().status_code == 200
    assert store.get_user(EmailAddress(EMAIL)) is None
