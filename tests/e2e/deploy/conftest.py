"""nginx in front of a service, for the modules that want both."""

from collections.abc import Iterator

import pytest

from tests.support.deploy.nginx_site import Site, edge
from tests.support.processes import Service


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Service]]:
    with edge(tmp_path_factory.mktemp("nginx")) as (site, service):
        service.register()
        yield site, service


@pytest.fixture
def site(both: tuple[Site, Service]) -> Site:
    return both[0]


@pytest.fixture
def service(both: tuple[Site, Service]) -> Service:
    return both[1]
