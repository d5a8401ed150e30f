"""Users and sessions in a Valkey or Redis server, shared by any number of processes.

    acct:{user@example.com}:user             JSON, kept for ever
    acct:{user@example.com}:session:SID      JSON, dropped a little after the session expires

What is in braces is a cluster's hash tag: all of an account is in one slot.

A change is optimistic: read, compute, and store if the value is still the one that was read,
which a script of five lines decides inside the server (`COMPARE_AND_SET`). redis-py's WATCH takes
three trips, reports a connection lost in mid-transaction as a lost race (so a commit whose answer
was lost would be made twice), and where the server stalls waits for four time-outs on end and
leaks the connection.
"""

import logging
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, ClassVar, TypeVar

from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from accounts.domain.errors import DuplicateEmail, StoreUnavailable
from accounts.domain.interfaces import Clock, UserAndSession
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.stores.redis.client import Client, TimeoutLock, connect
from accounts.stores.redis.config_check import INSPECTED, durability_warnings
from accounts.stores.serialization import (
    dump_session,
    dump_user,
    load_session,
    load_user,
    session_key,
    user_key,
)
from accounts.stores.url import RedisURL, Topology
from accounts.throttled_logging import OutageLogger

T = TypeVar("T")

CAS_TIMEOUT_SECONDS = 3.0
"""How long a change keeps trying against others that were faster."""

# The clocks of the machines that share a store differ a little: `expires_at` is judged when a
# session is read, and the server forgets it only when it has expired for all of them.
EXPIRY_MARGIN_MS = 60_000
BATCH = 1000

COMPARE_AND_SET = """
local known = redis.call('GET', KEYS[1]) or ''
if known ~= ARGV[1] then return known end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return false
"""
"""Store ARGV[2] (for ARGV[3] ms) if ARGV[1] is still there; else say what is. '' is nothing."""

logger = logging.getLogger("accounts.stores.redis")


class RedisStore:
    """An `AccountStore`. Any call answers or fails in a few seconds, whatever the server does."""

    backend_name: ClassVar[str] = "redis"
    blocking_reads: ClassVar[bool] = True
    blocking_writes: ClassVar[bool] = True

    def __init__(self, place: RedisURL, clock: Clock) -> None:
        """Nothing is connected yet: a server that is away stops no start."""
        self._place = place
        # A cluster's nodes fail apart: who shares a trip with a failing one would fail with it.
        self.supports_batch_reads = place.topology is not Topology.CLUSTER
        self._clock = clock
        self._client: Client | None = None
        self._connecting = TimeoutLock()
        self._outage = OutageLogger(logger, "the store cannot be reached")
        self._inspected = False

    def add_user(self, user: User) -> None:
        with self._connection() as client:
            added = client.set(user_key(user.email), dump_user(user), nx=True)
        if not added:
            raise DuplicateEmail

    def add_users(self, users: Iterable[User]) -> int:
        waiting = iter(users)
        added = 0
        while batch := list(islice(waiting, BATCH)):
            with self._connection() as client, client.pipeline(transaction=False) as pipeline:
                for user in batch:
                    pipeline.set(user_key(user.email), dump_user(user), nx=True)
                added += sum(map(bool, pipeline.execute()))
        return added

    def get_user(self, email: EmailAddress) -> User | None:
        with self._connection() as client:
            text: Any = client.get(user_key(email))
        return load_user(text)

    def update_user(self, email: EmailAddress, change: Callable[[User], User]) -> User:
        def change_known(user: User | None) -> User:
            if user is None:
                raise KeyError(email)
            return change(user)

        return self._update(
            user_key(email), load_user, change_known, lambda user: (dump_user(user), "")
        )

    def get_user_and_session(self, email: EmailAddress, sid: str) -> UserAndSession:
        with self._connection() as client:
            texts: list[Any] = client.mget(user_key(email), session_key(email, sid))
        return self._load(*texts)

    def get_users_and_sessions(
        self, asked: Sequence[tuple[EmailAddress, str]]
    ) -> list[UserAndSession | Exception]:
        if not self.supports_batch_reads:
            return [self.get_user_and_session(*one) for one in asked]
        pairs = [(user_key(email), session_key(email, sid)) for email, sid in asked]
        with self._connection() as client:
            texts: list[Any] = client.mget(chain.from_iterable(pairs))
        return [
            self._try_to_load(texts[index], texts[index + 1]) for index in range(0, len(texts), 2)
        ]

    def update_session(
        self, email: EmailAddress, sid: str, change: Callable[[Session | None], Session]
    ) -> Session:
        return self._update(session_key(email, sid), self._load_session, change, self._dump_session)

    def count_users(self) -> None:
        """A server would have to go through all its keys."""

    def ping(self) -> None:
        # Not PING: a server that is loading its data, or refuses our name, answers that.
        with self._connection() as client:
            client.exists("acct:ready")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _update(
        self,
        key: str,
        load: Callable[[Any], T | None],
        change: Callable[[T | None], T],
        dump: Callable[[T], tuple[str, str]],
    ) -> T:
        deadline = time.monotonic() + CAS_TIMEOUT_SECONDS
        with self._connection() as client:
            text = client.get(key) or ""
        pause = 0.0
        while True:
            known = load(text)
            value = change(known)
            if value == known:
                return value
            with self._connection() as client:
                faster = client.eval(COMPARE_AND_SET, 1, key, text, *dump(value))
            if faster is None:
                return value
            if time.monotonic() > deadline:
                raise StoreUnavailable
            text = faster
            # The more have been faster, the more are likely to be here at once.
            pause = min(pause + 0.001, 0.05)
            time.sleep(random.uniform(0, pause))  # noqa: S311  # no secret

    @contextmanager
    def _connection(self) -> Iterator[Client]:
        try:
            client = self._connected()
            yield client
        except (RedisError, RedisClusterException, OSError, UnicodeError) as error:
            self._outage.failed(error)
            raise StoreUnavailable from error
        self._outage.recovered()
        if not self._inspected:
            self._inspected = True
            _inspect(client)

    def _connected(self) -> Client:
        client = self._client
        if client is None:
            with self._connecting:
                client = self._client = self._client or connect(self._place)
        return client

    def _load(self, user: Any, session: Any) -> UserAndSession:
        return load_user(user), self._load_session(session)

    def _try_to_load(self, user: Any, session: Any) -> UserAndSession | Exception:
        try:
            return self._load(user, session)
        except Exception as error:  # noqa: BLE001  # raised by whose record it is
            return error

    def _load_session(self, text: Any) -> Session | None:
        session = load_session(text)
        return session if session and session.expires_at > self._clock() else None

    def _dump_session(self, session: Session) -> tuple[str, str]:
        # A span, not a point in time: the server's clock may be another.
        left = max(0.0, session.expires_at - self._clock())
        return dump_session(session), str(math.ceil(left * 1000) + EXPIRY_MARGIN_MS)


def _inspect(client: Client) -> None:
    one: Any = client  # of a cluster's nodes any one will do, and only a cluster takes the option
    options = {"target_nodes": RedisCluster.RANDOM} if isinstance(client, RedisCluster) else {}
    try:
        config = {name: one.config_get(name, **options)[name] for name in INSPECTED}
    except (RedisError, RedisClusterException, OSError, KeyError) as error:
        # Hosted servers tend to forbid CONFIG.
        logger.info("the store does not tell its configuration: %s", type(error).__name__)
        return
    for warning in durability_warnings(config):
        logger.warning("the store may forget: %s", warning)
