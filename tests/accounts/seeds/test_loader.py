from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.domain.users import EmailAddress, User
from accounts.seeds.loader import SeedLoader
from accounts.seeds.reader import SeedUser
from accounts.services import Services
from accounts.stores import open_store
from accounts.stores.memory import MemoryStore
from tests.support.api import PASSWORD, Api, MovableClock
from tests.support.passwords import HASH, NORMALIZED, build_hasher
from tests.support.seeds import write_seeds
from tests.support.stores import EMAIL, USER

OTHER = EmailAddress("b@example.com")
Start = Callable[..., Services]


@pytest.mark.parametrize("secret", [{"password": PASSWORD}, {"password_hash": HASH}])
def test_seeded_user_can_log_in(
    start: Start, store_url: str, tmp_path: Path, secret: dict[str, str]
) -> None:
    file = write_seeds(tmp_path, {"email": "User@Example.COM ", **secret})
    services = start(STORE_URL=store_url, SEED_USERS_FILE=file)
    assert Api().login(EMAIL).status_code == 200
    services.accounts.store.close()


@pytest.mark.parametrize("secret", [{"password": PASSWORD}, {"password_hash": HASH}])
def test_seeded_user_can_be_disabled_and_have_a_profile(
    start: Start, tmp_path: Path, secret: dict[str, str]
) -> None:
    profile = {"display_name": "Ada", "tags": []}
    file = write_seeds(tmp_path, {"email": EMAIL, "disabled": True, "profile": profile, **secret})
    store = start(SEED_USERS_FILE=file).accounts.store
    assert Api().login(EMAIL).status_code == 401
    user = store.get_user(EMAIL)
    assert user is not None
    assert user.disabled
    assert user.profile == profile


def test_loading_again_changes_no_account(
    start: Start, valkey_url: str, tmp_path: Path, clock: MovableClock
) -> None:
    store = open_store(valkey_url, clock)
    store.add_user(USER)
    file = write_seeds(
        tmp_path, {"email": EMAIL, "password": PASSWORD}, {"email": OTHER, "password_hash": HASH}
    )
    start(STORE_URL=valkey_url, SEED_USERS_FILE=file).accounts.store.close()
    added = store.get_user(OTHER)
    assert added is not None
    start(STORE_URL=valkey_url, SEED_USERS_FILE=file).accounts.store.close()
    assert (store.get_user(EMAIL), store.get_user(OTHER)) == (USER, added)
    store.close()


class RecoveringStore(MemoryStore):
    """Is unavailable at first, and available after some calls."""

    failures: ClassVar[int] = 2

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self.calls = 0

    def get_user(self, email: EmailAddress) -> User | None:
        self.calls += 1
        if self.calls <= self.failures:
            raise StoreUnavailable
        return super().get_user(email)


def test_load_with_retry_waits_for_the_store(clock: MovableClock) -> None:
    store, pauses = RecoveringStore(clock), list[float]()
    loader = SeedLoader([SeedUser(EMAIL, plaintext=NORMALIZED)], store, build_hasher(), clock)
    thread = loader.load_with_retry(pauses.append)
    assert thread is not None
    thread.join(10)
    assert store.count_users() == 1
    assert pauses == [2.0, 2.0]


def test_load_with_retry_available_store_needs_no_thread(clock: MovableClock) -> None:
    store = MemoryStore(clock)
    loader = SeedLoader([SeedUser(EMAIL, password_hash=HASH)], store, build_hasher(), clock)
    assert loader.load_with_retry() is None
    assert store.count_users() == 1
