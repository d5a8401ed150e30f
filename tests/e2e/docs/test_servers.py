"""docs/operate/servers.md as it stands: its files, commands and URLs, with real servers and TLS."""

import logging
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from accounts.domain.interfaces import AccountStore
from accounts.stores import open_store
from tests.support.api import MovableClock
from tests.support.ports import free_port
from tests.support.processes import ROOT, START_SECONDS
from tests.support.redis import is_available
from tests.support.stores import EMAIL, SID, USER, new_session
from tests.support.system_programs import find_program
from tests.support.tls import make_certificates
from tests.support.valkey import wait_until

PAGE = (ROOT / "docs/operate/servers.md").read_text()


def get_blocks(title: str) -> list[str]:
    section = PAGE.split(f"## {title}\n")[1].partition("\n## ")[0]
    return re.findall(r"```\n(.*?)```", section, re.DOTALL)


class Machines:
    """Three machines of the page on this one: each address of them has a port of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {
            f"10.0.0.{number}:{port}": str(free_port())
            for number in (1, 2, 3)
            for port in (6379, 26379)
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        make_certificates(folder)

    def translate(self, text: str) -> str:
        for address, port in self._ports.items():
            text = text.replace(address, f"127.0.0.1:{port}")
            text = text.replace(address.replace(":", " "), f"127.0.0.1 {port}")
        return text.replace("/etc/valkey", str(self._folder))

    def start(self, number: int, port: int, text: str, *options: str) -> None:
        """Start a server of a machine with a configuration that says `tls-port PORT`."""
        folder = self._folder / f"{number}-{port}"
        folder.mkdir()
        own_port = self._ports[f"10.0.0.{number}:{port}"]
        text = text.replace(f"tls-port {port}", f"tls-port {own_port}")
        (folder / "server.conf").write_text(self.translate(text))
        command = [find_program("redis-server"), str(folder / "server.conf"), *options]
        with (folder / "log").open("wb") as log:
            self._processes.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
        wait_until(lambda: is_open(int(own_port)))

    def run(self, command: str) -> None:
        words = self.translate(command).replace("valkey-cli", find_program("redis-cli")).split()
        run = subprocess.run(
            words, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr

    def ask_sentinel(self, *words: str) -> object:
        with Redis(
            "127.0.0.1",
            int(self._ports["10.0.0.1:26379"]),
            ssl=True,
            ssl_ca_certs=str(self._folder / "ca.pem"),
            username="admin",
            password="ADMIN_PASSWORD",
        ) as client:
            try:
                return client.execute_command("SENTINEL", *words)
            except ResponseError as error:  # It has not found the replicas yet.
                return error

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    machines = Machines(tmp_path)
    yield machines
    machines.stop()


def check_store(url: str, clock: MovableClock, caplog: pytest.LogCaptureFixture) -> None:
    with closing(open_store(url, clock)) as store:
        wait_until(lambda: is_available(store))
        caplog.clear()
        use_store(store, clock)
    assert [one.message for one in caplog.records if one.levelno >= logging.INFO] == []


def use_store(store: AccountStore, clock: MovableClock) -> None:
    store.add_users([USER])
    session = store.update_session(EMAIL, SID, lambda current: new_session(clock))
    assert store.get_user_and_session(EMAIL, SID) == (USER, session)
    assert list(store.iter_users()) == [USER]
    store.delete_user(EMAIL, lambda user: None)
    assert store.get_user(EMAIL) is None
    assert not store.was_emptied()


def get_url(block: str) -> str:
    return block.strip().removeprefix("STORE_URL=")


def test_one_server(
    machines: Machines, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    configuration, url = get_blocks("One server")
    machines.start(1, 6379, configuration)
    check_store(machines.translate(get_url(url)), clock, caplog)


def test_sentinel(
    machines: Machines,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [server, _] = get_blocks("One server")
    [more, sentinel, url] = get_blocks("Sentinel")[:3]
    for number in (1, 2, 3):
        replica = "replicaof 10.0.0.1 6379\n" if number > 1 else ""
        machines.start(number, 6379, server + more + replica)
    for number in (1, 2, 3):
        machines.start(number, 26379, sentinel, "--sentinel")
    url = machines.translate(get_url(url))
    check_store(url, clock, caplog)
    with monkeypatch.context() as patience:  # New replicas begin with a copy of everything.
        patience.setattr("accounts.stores.redis.client.TIMEOUT_SECONDS", 60)
        patience.setattr("accounts.stores.redis.replication.WAIT_MS", 50_000)
        check_store(f"{url}&wait_replicas=2", clock, caplog)
    old = machines.ask_sentinel("GET-MASTER-ADDR-BY-NAME", "accounts")
    wait_until(lambda: machines.ask_sentinel("FAILOVER", "accounts") == b"OK")
    wait_until(lambda: machines.ask_sentinel("GET-MASTER-ADDR-BY-NAME", "accounts") != old)
    check_store(url, clock, caplog)


def test_cluster(machines: Machines, clock: MovableClock, caplog: pytest.LogCaptureFixture) -> None:
    [server, _] = get_blocks("One server")
    [more, command, url] = get_blocks("A cluster")
    server = server.rpartition("user service")[0]
    for number in (1, 2, 3):
        bus = f"cluster-port {free_port()}\n"
        machines.start(number, 6379, server + more + bus)
    machines.run(command)
    check_store(machines.translate(get_url(url)), clock, caplog)


def test_urls_of_managed_servers_are_valid(clock: MovableClock) -> None:
    for line in get_blocks("A managed server")[0].splitlines():
        open_store(get_url(line), clock).close()
