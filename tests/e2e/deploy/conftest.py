"""nginx in front of a service, and the programs that modules of this folder need."""

from collections.abc import Iterator

import pytest

from tests.support.deploy.nginx_site import Site, run_site
from tests.support.processes import Service
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
