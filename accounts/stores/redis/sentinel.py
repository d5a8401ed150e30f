"""Finds the primary that Sentinels name, and notices at once when they name another one.

redis-py asks a Sentinel only for a new connection. After a planned failover, it goes on with the
old primary until Sentinel demotes that, ten seconds later, and all changes meanwhile are lost.
"""

import logging
from threading import Event, Lock, Thread
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool

EVENTS = ("+promoted-slave", "+switch-master")
"""The Sentinel that leads a failover publishes both at once; the others the second one, later."""

POLL_SECONDS = 1.0

SWITCHED = (
    "Sentinels name %s:%d as the primary, and no longer %s:%d: changes of the last second may be "
    "lost"
)

Address = tuple[str, int]

logger = logging.getLogger("accounts.stores.redis")


class WatchedSentinels(Sentinel):
    """Asks each Sentinel for the primary at each event, and once a second, in a thread of its own.

    The primary is the one that a Sentinel named last when it named another one than before.
    """

    def __init__(self, hosts: list[Address], service_name: str, options: dict[str, Any]) -> None:
        """`options` are those of the connections to the Sentinels."""
        super().__init__(hosts, sentinel_kwargs=options)  # type: ignore[no-untyped-call]  # redis-py has no types for it
        self._service_name = service_name
        self._primary: Address | None = None
        self._named: dict[Redis, Address | None] = {}
        self._lock = Lock()
        self._closed = Event()

    def start(self, pool: SentinelConnectionPool) -> None:
        """Start the threads. They close the idle connections of the pool to an old primary."""
        for sentinel in self.sentinels:
            arguments = (sentinel, pool)
            Thread(target=self._watch, args=arguments, name="sentinel", daemon=True).start()

    def close(self) -> None:
        """End the threads, soon. Each closes its own connections: reads in use must not break."""
        self._closed.set()

    def discover_master(self, service_name: str) -> Address:
        """Return the primary's address. Called for each new connection to it."""
        if self._primary is None:
            address = self._find_primary()
            with self._lock:
                self._primary = self._primary or address
        return self._primary

    def _find_primary(self) -> Address:
        errors = []
        for sentinel in self.sentinels:
            try:
                _, address = self._ask(sentinel)
            except (RedisError, OSError) as error:
                errors.append(f"{type(error).__name__}: {error}")
                continue
            if address is not None:
                return address
            errors.append("a Sentinel does not know it")
        raise MasterNotFoundError(
            f"No primary found for {self._service_name!r}: {'; '.join(errors)}"
        )

    def _ask(self, sentinel: Redis) -> tuple[Address | None, Address | None]:
        """Return the primary that a Sentinel named before, and the one that it names now."""
        command = "SENTINEL GET-MASTER-ADDR-BY-NAME"
        address: Address | None = sentinel.execute_command(command, self._service_name)
        with self._lock:
            before = self._named.get(sentinel)
            self._named[sentinel] = address or before
        return before, address

    def _watch(self, sentinel: Redis, pool: SentinelConnectionPool) -> None:
        while not self._closed.is_set():
            try:
                self._poll(sentinel, pool)
                with sentinel.pubsub() as events:
                    events.subscribe(*EVENTS)
                    while not self._closed.is_set():
                        events.get_message(timeout=POLL_SECONDS)
                        self._poll(sentinel, pool)
            except (RedisError, OSError):
                # The other Sentinels go on. If none does, the last known primary is used.
                self._closed.wait(POLL_SECONDS)
        sentinel.close()

    def _poll(self, sentinel: Redis, pool: SentinelConnectionPool) -> None:
        before, address = self._ask(sentinel)
        if address is None:
            return
        with self._lock:
            old = self._primary or address
            new = self._primary = old if before in {None, address} else address
        if new != old:
            pool.get_master_address()  # closes idle connections to another address
            logger.warning(SWITCHED, *new, *old)
