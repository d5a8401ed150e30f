"""Creates the redis-py client for a URL. Every operation has a short timeout."""

from threading import RLock
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

from accounts.stores.redis.sentinel import WatchedSentinels
from accounts.stores.url import RedisURL, Topology

# redis-py has types, but not for this constructor.
NODE: Any = ClusterNode
Client = Redis | RedisCluster

# Each thread uses one connection, so only a leak reaches this limit. redis-py's default of 100 is
# below the number of threads on a machine with many cores.
MAX_CONNECTIONS = 4096

MAX_MARKER_KEYS = 1000
"""Each has a slot by chance: enough for a cluster of a hundred nodes."""

TIMEOUT_SECONDS = 1.0
"""For connecting, for a response, and for a lock that other threads hold meanwhile."""


class TimeoutLock:
    """A reentrant lock for `with` that raises `TimeoutError` after `TIMEOUT_SECONDS`."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=TIMEOUT_SECONDS):
            raise TimeoutError("other threads are connecting")

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def connect(location: RedisURL) -> Client:
    """Return a client. Only a cluster is connected to: its nodes are queried."""
    options = _build_client_options()
    if location.topology is Topology.SINGLE:
        return Redis.from_url(location.url, **options, **location.tls_options)
    options |= {
        "username": location.username,
        "password": location.password,
        **_build_tls_options(location),
    }
    if location.topology is Topology.CLUSTER:
        return _connect_cluster(location, options)
    return _connect_sentinel(location, options)


def disconnect(client: Client) -> None:
    """Close all connections, those to Sentinels, too."""
    client.close()
    pool = getattr(client, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        pool.sentinel_manager.close()


def find_primary_keys(client: Client) -> list[str]:
    """Return the marker's key in each primary of a cluster, or the one of a server."""
    keys: dict[str, str] = {}
    if isinstance(client, RedisCluster):
        count = len(client.get_primaries())
        for key in map(_build_marker_key, range(MAX_MARKER_KEYS)):
            if len(keys) == count:
                break
            keys.setdefault(client.get_node_from_key(key).name, key)
    return list(keys.values()) or [_build_marker_key(0)]


def _build_marker_key(number: int) -> str:
    return f"acct:{{{number}}}:marker"


def _connect_sentinel(location: RedisURL, options: dict[str, Any]) -> Redis:
    sentinel_options = {
        "username": location.sentinel_username,
        "password": location.sentinel_password,
        "decode_responses": True,
        "protocol": 2,
        **_build_timeout_options(),
        **_build_tls_options(location),
    }
    sentinels = WatchedSentinels(location.hosts, location.service_name, sentinel_options)
    client: Any = sentinels.master_for(location.service_name, db=location.db, **options)  # type: ignore[no-untyped-call]  # redis-py has no types for it
    sentinels.start(client.connection_pool)
    return cast(Redis, client)


def _connect_cluster(location: RedisURL, options: dict[str, Any]) -> RedisCluster:
    nodes: list[Any] = [NODE(host, port) for host, port in location.hosts]
    cluster = RedisCluster(startup_nodes=nodes, **options)
    # Threads that lost their node query the cluster's nodes one after another, each until its
    # timeout. Measured on a paused cluster: without a timeout on this lock, the last of 32
    # threads waited 33 seconds. redis-py has no public option for it.
    cluster.nodes_manager._initialization_lock = TimeoutLock()  # type: ignore[assignment]  # noqa: SLF001  # no option sets it
    return cluster


def _build_client_options() -> dict[str, Any]:
    return {
        "decode_responses": True,
        # Text that is not UTF-8 must fail one record and not its whole batch; JSON refuses it.
        "encoding_errors": "surrogateescape",
        "max_connections": MAX_CONNECTIONS,
        "protocol": 2,  # 3 adds HELLO and push messages, which are not used
        "driver_info": None,  # saves one round trip for each new connection
        **_build_timeout_options(),
    }


def _build_tls_options(location: RedisURL) -> dict[str, Any]:
    return {"ssl": True, **location.tls_options} if location.tls else {}


def _build_timeout_options() -> dict[str, Any]:
    # redis-py's default is ten attempts with growing pauses, which blocks a thread for a minute.
    # No retry is needed for a connection that the server closed: it is replaced before its use.
    return {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
