"""Warns if a server's configuration may lose users or logouts."""

import logging
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from accounts.stores.redis.client import Client

CHECKED_OPTIONS = ("maxmemory-policy", "appendonly", "save")

logger = logging.getLogger("accounts.stores.redis")


def log_durability_warnings(client: Client) -> None:
    """Log a warning for each option with which the server may lose data."""
    try:
        policy, appendonly, save = _get_config(client)
    except (RedisError, RedisClusterException, OSError, KeyError) as error:
        # Hosted servers usually forbid CONFIG.
        logger.info("the store's configuration cannot be checked: %s", type(error).__name__)
        return
    if policy != "noeviction":
        logger.warning(
            "the store drops users or logouts when its memory is full (maxmemory-policy %s); "
            "set it to noeviction",
            policy,
        )
    if appendonly == "no" and not save:
        logger.warning("the store keeps nothing on disk: a restart loses users; set appendonly yes")


def _get_config(client: Any) -> list[str]:
    config = client.config_get(*CHECKED_OPTIONS)  # In a cluster, redis-py asks a random node.
    return [config[name] for name in CHECKED_OPTIONS]
