from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Service, serving
from tests.support.python_client import STRICT_ROTATION, load_example


@pytest.fixture(scope="session")
def example() -> Any:
    """The module docs/examples/client.py."""
    pytest.importorskip("requests", reason="pip install -r requirements-dev.txt")
    return load_example()


@pytest.fixture
def rotating_service(tmp_path: Path) -> Iterator[Service]:
    """A service with short access tokens and refresh tokens that may be used once."""
    with serving(tmp_path, **STRICT_ROTATION) as service:
        yield service
