from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from pytest_django import Settings

from accounts.domain.errors import StoreUnavailable
from accounts.services import Services, get_services, reset_services
from tests.support.api import EMAIL, Api
from tests.support.passwords import HASH
from tests.support.seeds import write_seeds
from tests.support.settings import AccountsSettings, override_accounts_settings


def test_get_services_builds_once_for_all_threads() -> None:
    barrier = Barrier(32)

    def first_call(_: int) -> Services:
        barrier.wait()
        return get_services()

    with ThreadPoolExecutor(32) as threads:
        assert len(set(map(id, threads.map(first_call, range(32))))) == 1


def test_build_services_unreachable_store_still_starts(
    start: Callable[..., Services], tmp_path: Path
) -> None:
    seeds = write_seeds(tmp_path, {"email": EMAIL, "password_hash": HASH})
    services = start(STORE_URL="redis://127.0.0.1:1", SEED_USERS_FILE=seeds)
    with pytest.raises(StoreUnavailable):
        services.accounts.store.ping()
    response = Api().login()
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert response["Retry-After"] == "2"


# What the tests of a project that builds on this one change


def test_freezegun_moves_the_clock_of_running_services() -> None:
    freezegun = pytest.importorskip("freezegun", reason="needs requirements-dev.txt")
    token = Api().register_and_log_in()["access_token"]
    with freezegun.freeze_time("2100-01-01"):
        assert Api().profile(token).json()["code"] == "token_expired"
        later = Api().login().json()["access_token"]
        assert Api().profile(later).status_code == 200
    assert Api().profile(token).status_code == 200


def test_time_machine_moves_the_clock_of_running_services() -> None:
    time_machine = pytest.importorskip("time_machine", reason="needs requirements-dev.txt")
    token = Api().register_and_log_in()["access_token"]
    with time_machine.travel("2100-01-01T00:00Z"):
        assert Api().profile(token).json()["code"] == "token_expired"
    assert Api().profile(token).status_code == 200


def test_overridden_lifetimes_apply_to_running_services(
    accounts_settings: AccountsSettings,
) -> None:
    Api().register()
    accounts_settings(ACCESS_TOKEN_LIFETIME=timedelta(minutes=1), ROTATE_REFRESH_TOKENS=True)
    tokens = Api().login().json()
    assert tokens["expires_in"] == 60
    assert "refresh_token" in Api().refresh(tokens["refresh_token"]).json()


def test_lifetimes_are_restored_after_the_override() -> None:
    before = get_services().accounts.policy
    with override_accounts_settings(
        REFRESH_TOKEN_LIFETIME=timedelta(minutes=1), REFRESH_REUSE_GRACE_SECONDS=1
    ):
        assert get_services().accounts.policy != before
    assert get_services().accounts.policy == before


def test_overridden_store_is_new_and_restored_one_too(tmp_path: Path) -> None:
    Api().register()
    with override_accounts_settings(STORE_URL=f"file://{tmp_path}/accounts.jsonl"):
        assert Api().login().json()["code"] == "invalid_credentials"
        Api().register()
    assert Api().login().json()["code"] == "invalid_credentials"


def test_other_overridden_setting_keeps_the_accounts(settings: Settings) -> None:
    Api().register()
    settings.LANGUAGE_CODE = "de"
    assert Api().login().status_code == 200


def test_reset_services_starts_without_accounts() -> None:
    Api().register()
    reset_services()
    reset_services()
    assert Api().login().json()["code"] == "invalid_credentials"


def test_overridden_secret_signs_tokens(accounts_settings: AccountsSettings) -> None:
    key_ids = get_services().tokens._ring.key_ids
    accounts_settings(SECRET_KEY="x" * 32)
    assert get_services().tokens._ring.key_ids != key_ids


def test_overridden_django_secret_signs_tokens_by_default(settings: Settings) -> None:
    del settings.ACCOUNTS
    key_ids = get_services().tokens._ring.key_ids
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret of Django"
    assert get_services().tokens._ring.key_ids.endswith(f", {key_ids}")
