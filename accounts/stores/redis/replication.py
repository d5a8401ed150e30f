"""Waits until replicas have confirmed a change (`wait_replicas` in the URL)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisError

from accounts.stores.redis.client import TIMEOUT_SECONDS, Client, find_primary_keys

WAIT_MS = int(TIMEOUT_SECONDS * 800)
"""How long replicas may take: shorter than the timeout of a response."""

MARK_MS = 1000


class NotReplicated(RedisError):
    """Too few replicas have confirmed a change: it was made, and a failover may lose it."""


@contextmanager
def confirm_changes(client: Client, key: str | None, replicas: int) -> Iterator[Client]:
    """Run the block with a client, then wait until `replicas` have the changes that it made.

    In a cluster, it changes keys in the slot of `key`, or in any slot if that is `None`. Raises
    `NotReplicated`.
    """
    if isinstance(client, Redis):
        # WAIT is about the changes of its own connection. The block may have found its change
        # already made, or used another connection, as a pipeline does.
        with client.client() as connection:
            yield connection
            mark(connection, key or find_primary_keys(client)[0])
            _check_count(connection.wait(replicas, WAIT_MS), replicas)
        return
    keys = find_primary_keys(client) if key is None else [key]
    nodes = [client.get_node_from_key(one) for one in keys]
    yield client
    for one, node in zip(keys, nodes, strict=True):
        _confirm_slot(client, one, node, replicas)


def mark(client: Client, key: str) -> None:
    """Make a change in the slot of `key`. A replica that has it has all earlier ones, too."""
    client.set(_build_mark_key(key), "", px=MARK_MS)


def _confirm_slot(client: RedisCluster, key: str, node: Any, replicas: int) -> None:
    if client.get_node_from_key(key) != node:
        raise NotReplicated("its slot has moved; a change may be in either node")
    with client.get_redis_connection(node).pipeline(transaction=False) as pipeline:
        # Fails if the slot is being moved and the key has gone: the change is in the other node.
        pipeline.exists(key)
        # The change was made on another connection, and WAIT is about those of its own.
        mark(pipeline, key)
        pipeline.wait(replicas, WAIT_MS)
        _check_count(pipeline.execute()[-1], replicas)


def _check_count(confirmed: int, replicas: int) -> None:
    if confirmed < replicas:
        raise NotReplicated(
            f"a change was made, and {confirmed} of {replicas} replicas have confirmed it in time"
        )


def _build_mark_key(key: str) -> str:
    return key.partition("}")[0] + "}:mark"
