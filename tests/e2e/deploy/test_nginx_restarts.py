"""Services behind nginx: each is restarted, or a worker is killed, under load."""

import http.client
import os
import signal
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.deploy.nginx_site import Site, run_nginx
from tests.support.processes import START_SECONDS, Service, run_service
from tests.support.valkey import wait_until

pytestmark = [
    pytest.mark.usefixtures("nginx_program"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc"),
]

CLIENTS = 4


class Load:
    """Clients of nginx that log in and read /health without pause, over one connection each."""

    def __init__(self, site: Site) -> None:
        self.responses = 0
        self.errors: list[str] = []
        self._site = site
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(30)

    def wait_for_responses(self, more: int) -> None:
        target = self.responses + more
        wait_until(lambda: self.responses >= target)

    def _run(self) -> None:
        with closing(self._site.connection()) as connection:
            while not self._stopped.is_set():
                self._record(connection)

    def _record(self, connection: http.client.HTTPSConnection) -> None:
        account = {"email": EMAIL, "password": PASSWORD}
        login = self._site.post("auth/login", account, over=connection)
        health = self._site.request("GET", "/health", over=connection)
        self.responses += 2
        self.errors += [str(one) for one in (login, health) if one.status != 200]


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    return folders


def test_restart_of_each_service_fails_no_request(
    tmp_path: Path, folders: list[Path], valkey_url: str
) -> None:
    with ExitStack() as stack:

        def start(folder: Path, port: str = "") -> Service:
            service = run_service(
                folder,
                "--drain-seconds",
                "0.5",
                port=port,
                STORE_URL=valkey_url,
                TRUSTED_PROXIES="127.0.0.1",
            )
            return stack.enter_context(service)

        services = [start(folder) for folder in folders]
        services[0].register()
        site = stack.enter_context(run_nginx(tmp_path, *(one.port for one in services)))
        with Load(site) as load:
            load.wait_for_responses(40)
            for folder, service in zip(folders, services, strict=True):
                service.process.terminate()
                assert service.process.wait(START_SECONDS) == 0
                start(folder, str(service.port))
                load.wait_for_responses(40)
        assert load.errors == []


def test_killed_worker_costs_its_requests_only(tmp_path: Path, valkey_url: str) -> None:
    options = ("--workers", "2")
    environment = {"STORE_URL": valkey_url, "TRUSTED_PROXIES": "127.0.0.1"}
    with (
        run_service(tmp_path, *options, **environment) as service,
        run_nginx(tmp_path, service.port) as site,
    ):
        wait_until(lambda: len(service.workers()) == 2)
        service.register()
        with Load(site) as load:
            load.wait_for_responses(40)
            killed = service.workers()[0]
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: killed not in service.workers() and len(service.workers()) == 2)
            load.wait_for_responses(40)
        assert len(load.errors) <= CLIENTS  # each had one request at most
