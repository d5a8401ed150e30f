"""The connection of a store to its server, cluster or Sentinels."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from accounts.domain.errors import StoreUnavailable
from accounts.stores.redis.client import Client, TimeoutLock, connect, disconnect, find_primary_keys
from accounts.stores.redis.config_check import log_durability_warnings
from accounts.stores.redis.outages import StoreOutages, refuses_changes
from accounts.stores.redis.replication import confirm_changes, mark
from accounts.stores.url import RedisURL

ERRORS = (RedisError, RedisClusterException, OSError, UnicodeError)

logger = logging.getLogger("accounts.stores.redis")


class ServerConnection:
    """Turns errors into `StoreUnavailable`, and logs them. Connects at the first use."""

    def __init__(self, location: RedisURL) -> None:
        self._location = location
        self._client: Client | None = None
        self._connect_lock = TimeoutLock()
        self._outages = StoreOutages(logger)
        self._config_checked = False

    @contextmanager
    def use(self, key: str | None = None, *, changes: bool = False) -> Iterator[Client]:
        """Raises `StoreUnavailable` if the server cannot be reached or returns an error.

        The block reads or changes keys of the account of `key`; of any account if that is `None`.
        """
        node = ""
        try:
            client = self._get_client()
            node = _get_node_name(client, key)
            if changes and self._location.wait_replicas:
                with confirm_changes(client, key, self._location.wait_replicas) as confirmed:
                    yield confirmed
            else:
                yield client
        except ERRORS as error:
            raise self._report(error, node, changes=changes) from error
        self._outages.recovered(node, changes=changes)
        if not self._config_checked:
            self._config_checked = True
            log_durability_warnings(client)

    def confirm(self, key: str) -> None:
        """Wait until replicas have what is stored: an earlier change may lack its confirmation."""
        if self._location.wait_replicas:
            with self.use(key, changes=True):
                pass

    def probe(self, *, changes: bool) -> None:
        """Read or change a key of its own in each primary of a cluster, or in the server.

        Raises `StoreUnavailable` if more than half of them fail, as most requests do then.
        """
        try:
            keys = find_primary_keys(self._get_client())
        except ERRORS as error:
            raise self._report(error, changes=changes) from error
        failed = 0
        for key in keys:
            try:
                with self.use(key, changes=changes) as client:
                    mark(client, key) if changes else client.get(key)
            except StoreUnavailable:
                failed += 1
                if 2 * failed > len(keys):
                    raise

    def close(self) -> None:
        if self._client is not None:
            disconnect(self._client)

    def _get_client(self) -> Client:
        client = self._client
        if client is None:
            with self._connect_lock:
                client = self._client = self._client or connect(self._location)
        return client

    def _report(self, error: Exception, node: str = "", *, changes: bool) -> StoreUnavailable:
        self._outages.failed(error, node, changes=changes)
        if refuses_changes(error) and isinstance(self._client, Redis):
            # A primary that became a replica keeps its clients. A new connection asks DNS or
            # Sentinels again. In a cluster, its replicas redirect.
            self._client.connection_pool.disconnect(inuse_connections=False)
        return StoreUnavailable()


def _get_node_name(client: Client, key: str | None) -> str:
    if key is None or not isinstance(client, RedisCluster):
        return ""
    return str(client.get_node_from_key(key).name)
