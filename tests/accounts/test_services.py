from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from accounts.domain.errors import StoreUnavailable
from accounts.services import Services, get_services
from tests.support.api import EMAIL, Api
from tests.support.passwords import HASH
from tests.support.seeds import write_seeds


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
