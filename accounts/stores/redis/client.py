"""A client for each form of URL, impatient everywhere."""

from threading import RLock
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from accounts.stores.url import RedisURL, Topology

NODE: Any = ClusterNode  # redis-py has types, but not for the constructors of these two
SENTINEL: Any = Sentinel
Client = Redis | RedisCluster

# Threads bound the pool: each uses one connection at a time. This is for a leak to be noticed;
# redis-py's own 100 are fewer than the threads of a server with many cores.
MAX_CONNECTIONS = 4096


TIMEOUT_SECONDS = 1.0
"""For a connection, for an answer, and for a lock behind which others wait for these."""


class TimeoutLock:
    """A lock for `with`: who would wait too long for it gets a `TimeoutError`."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=TIMEOUT_SECONDS):
            raise TimeoutError("others are waiting for the same")

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def connect(place: RedisURL) -> Client:
    """Return a client. Only a cluster's needs to be reached for that: its nodes are asked for."""
    options: dict[str, Any] = {
        "username": place.username,
        "password": place.password,
        "decode_responses": True,
        "max_connections": MAX_CONNECTIONS,
        "protocol": 2,  # 3 brings push messages, for which nobody waits here, and HELLO
        "driver_info": None,  # one round trip less for each new connection
        **_patience(),
        **({"ssl": True, **place.certificates} if place.tls else {}),
    }
    hosts = place.hosts
    if place.topology is Topology.CLUSTER:
        nodes: list[Any] = [NODE(host, port) for host, port in hosts]
        cluster = RedisCluster(startup_nodes=nodes, **options)
        # Threads that lost their node ask for the nodes anew, one after another, each for as long
        # as that takes to fail: measured on a paused cluster, the last of 32 waited 33 seconds.
        cluster.nodes_manager._initialization_lock = TimeoutLock()  # type: ignore[assignment]  # noqa: SLF001
        return cluster
    if place.topology is Topology.SENTINEL:
        sentinels = SENTINEL(hosts, sentinel_kwargs=_patience())
        client: Redis = sentinels.master_for(place.service, db=place.db, **options)
        return client
    return Redis(*hosts[0], db=place.db, **options)


def _patience() -> dict[str, Any]:
    # The client's own default is ten tries with growing pauses: a minute of a thread. A
    # connection that the server has closed is noticed, and replaced, before it is used.
    return {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
