"""nginx in front of a service, and the programs that modules of this folder need."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deploy.nginx_site import Site, run_site
from tests.support.processes import Service
from tests.support.pythons import build_wheel, make_venv
from tests.support.system_programs import find_program


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Service]]:
    with run_site(tmp_path_factory.mktemp("nginx")) as (site, service):
        service.register()
        yield site, service


@pytest.fixture
def site(both: tuple[Site, Service]) -> Site:
    return both[0]


@pytest.fixture
def service(both: tuple[Site, Service]) -> Service:
    return both[1]


@pytest.fixture(scope="session")
def nginx_program() -> None:
    """Skip, or fail in CI, before any service is started."""
    find_program("nginx")
    find_program("openssl")


@pytest.fixture(scope="session")
def prometheus_program() -> None:
    """Skip, or fail in CI, before any service is started."""
    find_program("prometheus")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder


@pytest.fixture(scope="session")
def wheel(shared_folder: Path) -> Path:
    return build_wheel(shared_folder / "wheel")


@pytest.fixture(scope="session")
def wheel_programs(shared_folder: Path, wheel: Path) -> Path:
    """The programs of a virtual environment that has the wheel with its server and its docs."""
    return make_venv(shared_folder / "venv", sys.executable, f"{wheel}[server,docs]")
