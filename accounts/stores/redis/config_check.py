"""Warns if a server's configuration may lose users or logouts."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from accounts.stores.redis.client import Client

CHECKED_OPTIONS = ("maxmemory-policy", "appendonly", "save")

logger = logging.getLogger("accounts.stores.redis")


def log_durability_warnings(client: Client) -> None:
    """Log a warning for each option with which the server may lose data."""
    try:
        config = _get_config(client)
    except (RedisError, RedisClusterException, OSError, KeyError) as error:
        # Hosted servers usually forbid CONFIG.
        logger.info("the store's configuration cannot be checked: %s", type(error).__name__)
        return
    for warning in durability_warnings(config):
        logger.warning("the store may lose data: %s", warning)


def durability_warnings(config: Mapping[str, str]) -> Iterator[str]:
    policy = config["maxmemory-policy"]
    if policy.startswith("volatile-"):
        yield (
            f"when memory is full, it drops sessions (maxmemory-policy {policy}), so that revoked "
            "tokens work again; set it to noeviction"
        )
    elif policy != "noeviction":
        yield f"when memory is full, it drops users (maxmemory-policy {policy}); set noeviction"
    if config["appendonly"] == "no" and not config["save"]:
        yield "it keeps nothing on disk: a restart loses every user; set appendonly yes"


def _get_config(client: Any) -> dict[str, str]:
    # In a cluster, any one node will do. Only a cluster's client accepts this option.
    options = {"target_nodes": RedisCluster.RANDOM} if isinstance(client, RedisCluster) else {}
    return {name: client.config_get(name, **options)[name] for name in CHECKED_OPTIONS}
