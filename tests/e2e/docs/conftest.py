from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.processes import Service, run_service
from tests.support.python_client import TokenStorage, build_client, load_example


@pytest.fixture(scope="session")
def example() -> Any:
    """The module docs/examples/client.py."""
    pytest.importorskip("requests", reason="pip install -r requirements-dev.txt")
    return load_example()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in which a refresh token can be used once."""
    options = {"ROTATE_REFRESH_TOKENS": "true", "REFRESH_REUSE_GRACE_SECONDS": "0"}
    with run_service(tmp_path_factory.mktemp("service"), **options) as service:
        yield service


@pytest.fixture
def storage() -> TokenStorage:
    return TokenStorage()


@pytest.fixture
def client(example: Any, service: Service, email: str, storage: TokenStorage) -> Any:
    """An `AuthClient` of the example, logged in as a user of its own."""
    return build_client(example, service, email, storage)
