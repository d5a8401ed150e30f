"""The connection of a store to its server, cluster or Sentinels."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from accounts.domain.errors import ChangeUnconfirmed, StoreUnavailable
from accounts.domain.interfaces import Clock
from accounts.stores.redis.client import Client, TimeoutLock, connect, disconnect, find_primary_keys
from accounts.stores.redis.config_check import log_durability_warnings
from accounts.stores.redis.event_loop import KeptConnections
from accounts.stores.redis.outages import StoreOutages
from accounts.stores.redis.replication import NotReplicated, confirm_changes, mark
from accounts.stores.url import RedisURL
from accounts.throttled_logging import ThrottledLogger

DAMAGE = "the record %s is damaged: it %s"
WRONG_TYPE = "or another one of its account is of another Redis type"

ERRORS = (RedisError, RedisClusterException, OSError, UnicodeError)

logger = logging.getLogger("accounts.stores.redis")


class ServerConnection:
    """Turns errors into `StoreUnavailable`, and logs them. Connects at the first use."""

    def __init__(self, location: RedisURL, clock: Clock) -> None:
        self._location = location
        self._client: Client | None = None
        self._connect_lock = TimeoutLock()
        self.kept_connections = KeptConnections()
        self._outages = StoreOutages(logger)
        self._damage_logger = ThrottledLogger(logger, clock)
        self._was_used = False
        self.on_first_use: Callable[[], object] = lambda: None

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
            if key is not None and "WRONGTYPE" in str(error):
                raise self.report_damage(key, WRONG_TYPE) from error
            raise self._report(error, node, changes=changes) from error
        self._outages.recovered(node, changes=changes)
        if not self._was_used:
            self._was_used = True
            log_durability_warnings(client)
            self.on_first_use()

    def report_damage(self, key: str, reason: object) -> StoreUnavailable:
        """Log the key of a damaged record, at most once a minute, and return what to raise."""
        message = DAMAGE % (key, reason)
        self._damage_logger.warning(message)
        return StoreUnavailable()

    def confirm(self, key: str) -> None:
        """Wait until replicas have what is stored: an earlier change may lack its confirmation."""
        if self._location.wait_replicas:
            with self.use(key, changes=True):
                pass

    def probe(self, *, changes: bool) -> None:
        """Read the marker in each primary of a cluster or in the server, or change a key beside it.

        Raises `StoreUnavailable` if more than half of them fail, as most requests do then.
        """
        keys = self.find_keys(changes=changes)
        failed = 0
        for key in keys:
            try:
                with self.use(key, changes=changes) as client:
                    if changes:
                        mark(client, key)
                    else:
                        client.get(key)
            except StoreUnavailable:
                failed += 1
                if 2 * failed > len(keys):
                    raise

    def find_keys(self, *, changes: bool = False) -> list[str]:
        """Return the marker's key in each primary of a cluster, or the one of a server.

        Raises `StoreUnavailable` if a cluster cannot be reached.
        """
        try:
            return find_primary_keys(self._get_client())
        except ERRORS as error:
            raise self._report(error, changes=changes) from error

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
        if isinstance(error, ResponseError) and isinstance(self._client, Redis):
            # A server that refuses may be a former primary, which keeps its clients. A new
            # connection asks DNS again. In a cluster, its replicas redirect.
            self.kept_connections.replace()
            self._client.connection_pool.disconnect(inuse_connections=False)
        return ChangeUnconfirmed() if isinstance(error, NotReplicated) else StoreUnavailable()


def _get_node_name(client: Client, key: str | None) -> str:
    if key is None or not isinstance(client, RedisCluster):
        return ""
    return str(client.get_node_from_key(key).name)
