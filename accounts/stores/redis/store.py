"""Users and sessions in a Valkey or Redis server, shared by any number of processes.

    acct:{user@example.com}:user             JSON, never expires
    acct:{user@example.com}:session:SID      JSON, expires a little after the session
    acct:{user@example.com}:sessions         the set of the listed sessions' SIDs; expires with them

The part in braces is a cluster's hash tag: it keeps all keys of an account in one slot.

An update reads a value, computes the new one, and stores it only if the old one is still there.
A script in the server compares and stores (`COMPARE_AND_SET`). redis-py's WATCH is not used:

- It needs three round trips.
- It reports a connection that was lost during the commit as a conflict. If only the
  response was lost, the commit would then be made twice.
- If the server stalls, it waits for four timeouts and leaks the connection.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, ClassVar, cast

from accounts.domain.errors import DuplicateEmail, StoreUnavailable
from accounts.domain.interfaces import Clock, UserAndSession
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.stores.redis.connection import DAMAGE, ServerConnection
from accounts.stores.redis.marker import StoreMarker
from accounts.stores.serialization import DamagedRecord, T, dump, load
from accounts.stores.url import RedisURL, Topology

CAS_TIMEOUT_SECONDS = 3.0
"""How long an update is tried again while other clients change the value."""
MAX_CAS_PAUSE_SECONDS = 0.01

# The clocks of the machines that share a store differ a little. Readers compare `expires_at` with
# their own clock, and the server deletes a session only when it has expired for all of them.
EXPIRY_MARGIN_MS = 60_000
BATCH_SIZE = 1000

COMPARE_AND_SET = """
local current = redis.call('GET', KEYS[1]) or ''
if current ~= ARGV[1] then return current end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[2]) end
return false
"""
"""If the value is still ARGV[1], store ARGV[2]; else return the value. '' stands for no value."""

READ_SESSIONS = """
local found = {}
for _, sid in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  found[#found + 1] = sid
  found[#found + 1] = redis.call('MGET', KEYS[2] .. sid)[1]
end
return found
"""
"""Return each SID of the index KEYS[1], with its session: the text of KEYS[2]SID."""

COMPARE_AND_SET_SESSIONS = """
local index, count = KEYS[1], tonumber(ARGV[1])
local function get(i, name) return ARGV[5 * (i - 2) + name] end
local SID, OLD, NEW, TTL, CHANGE = 2, 3, 4, 5, 6
if count >= 0 and redis.call('SCARD', index) ~= count then return '' end
for i = 2, #KEYS do
  local current = redis.call('GET', KEYS[i]) or ''
  if current ~= get(i, OLD) then return current end
  if i - 2 < count and redis.call('SISMEMBER', index, get(i, SID)) == 0 then return '' end
end
for i = 2, #KEYS do
  local text, ttl, change = get(i, NEW), get(i, TTL), get(i, CHANGE)
  if text ~= '' then redis.call('SET', KEYS[i], text, 'PX', ttl) end
  if change ~= '' then redis.call(change, index, get(i, SID)) end
  if change == 'SADD' and redis.call('PTTL', index) < tonumber(ttl) then
    redis.call('PEXPIRE', index, ttl)
  end
end
return false
"""
"""Store sessions and change the index (KEYS[1]), if all are as they were read.

- ARGV[1]: how many SIDs the index had, or -1 if it was not read. They come first in KEYS.
- Five more for each session: SID, old text, new text ('' keeps it), its expiry in ms, and SADD,
  SREM or '' for the index. The index expires with the last session.

Returns the first text that has changed, or '' if the index has.
"""

INDEX_NOT_READ = -1

SessionChange = tuple[str, str, str, str, str]
"""The arguments of `COMPARE_AND_SET_SESSIONS` for a session."""

logger = logging.getLogger("accounts.stores.redis")


class RedisStore:
    """An `AccountStore`. Any call returns or fails in a few seconds, whatever the server does."""

    backend_name: ClassVar[str] = "redis"
    blocking_reads: ClassVar[bool] = True
    blocking_writes: ClassVar[bool] = True

    def __init__(self, location: RedisURL, clock: Clock) -> None:
        """Connects to nothing yet, so the service starts without its server."""
        # A cluster's nodes fail one by one: in a batch, one failure would fail all the reads.
        self.supports_batch_reads = location.topology is not Topology.CLUSTER
        self._clock = clock
        self._server = ServerConnection(location, clock)
        self._connection = self._server.use
        self._marker = StoreMarker(self._server)
        self._server.on_first_use = self._marker.is_lost

    def add_user(self, user: User) -> None:
        key = _key(user.email, "user")
        with self._connection(key, changes=True) as client:
            added = client.set(key, dump(user), nx=True)
        if not added:
            raise DuplicateEmail

    def add_users(self, users: Iterable[User]) -> int:
        remaining = iter(users)
        added = 0
        while batch := list(islice(remaining, BATCH_SIZE)):
            with (
                self._connection(changes=True) as client,
                client.pipeline(transaction=False) as pipeline,
            ):
                for user in batch:
                    pipeline.set(_key(user.email, "user"), dump(user), nx=True)
                added += sum(map(_get_added, pipeline.execute(raise_on_error=False)))
        return added

    def get_user(self, email: EmailAddress) -> User | None:
        key = _key(email, "user")
        return self._load(User, key, self._get(key))

    def update_user(self, email: EmailAddress, update_fn: Callable[[User], User]) -> User:
        def update_existing(user: User | None) -> User:
            if user is None:
                raise KeyError
            return update_fn(user)

        return cast(User, self._update_or_delete_user(email, update_existing))

    def delete_user(self, email: EmailAddress, check_fn: Callable[[User], object]) -> None:
        def delete_existing(user: User | None) -> None:
            if user is None:
                raise KeyError
            check_fn(user)

        self._update_or_delete_user(email, delete_existing)

    def iter_users(self) -> Iterator[User]:
        with self._connection() as client:
            # A key of another type would fail its whole batch.
            keys = client.scan_iter(match="acct:*:user", count=BATCH_SIZE, _type="string")
            while batch := list(islice(keys, BATCH_SIZE)):
                with client.pipeline(transaction=False) as pipeline:
                    for key in batch:
                        pipeline.get(key)
                    texts = pipeline.execute()
                yield from filter(None, map(self._load_or_skip, batch, texts))

    def get_user_and_session(self, email: EmailAddress, sid: str) -> UserAndSession:
        keys = _key(email, "user"), _key(email, f"session:{sid}")
        with self._connection(keys[0]) as client:
            texts: list[Any] = client.mget(keys)
        return self._load_both(keys, *texts)

    def get_users_and_sessions(
        self, keys: Sequence[tuple[EmailAddress, str]]
    ) -> list[UserAndSession | Exception]:
        if not self.supports_batch_reads:
            return [self.get_user_and_session(*key) for key in keys]
        pairs = _build_pairs(keys)
        with self._connection() as client:
            texts: list[Any] = client.mget(chain.from_iterable(pairs))
        self._server.kept_connections.add(client)
        return list(map(self._try_to_load, pairs, texts[::2], texts[1::2]))

    async def aget_users_and_sessions(
        self, keys: Sequence[tuple[EmailAddress, str]]
    ) -> list[UserAndSession | Exception]:
        if connection := self._server.kept_connections.take():
            pairs = _build_pairs(keys)
            with self._connection():
                flat = chain.from_iterable(pairs)
                texts = await self._server.kept_connections.mget(connection, flat)
            if None not in texts[::2]:  # Without a user, `_load` checks the marker, which blocks.
                return list(map(self._try_to_load, pairs, texts[::2], texts[1::2]))
        return await asyncio.to_thread(self.get_users_and_sessions, keys)

    def update_session(
        self, email: EmailAddress, sid: str, update_fn: Callable[[Session | None], Session]
    ) -> Session:
        def compare_and_set(text: str | None, session: Session | None) -> str | None:
            change = self._build_change(sid, text, session)
            return self._compare_and_set_sessions(email, INDEX_NOT_READ, [change])

        key = _key(email, f"session:{sid}")
        return cast(Session, self._update(Session, key, update_fn, compare_and_set))

    def get_sessions(self, email: EmailAddress) -> list[Session]:
        return self._load_listed_sessions(email, self._read_sessions(email))

    def update_sessions(
        self, email: EmailAddress, update_fn: Callable[[Sequence[Session]], Sequence[Session]]
    ) -> Sequence[Session]:
        for _ in _iter_attempts():
            texts = self._read_sessions(email)
            listed = self._load_listed_sessions(email, texts)
            sessions = update_fn(listed)
            changes = self._build_changes(texts, listed, sessions)
            if self._compare_and_set_sessions(email, len(texts), changes) is None:
                return sessions
        raise StoreUnavailable

    def count_users(self) -> None:
        """A server would have to go through all its keys."""

    def ping(self) -> None:
        self._server.probe(changes=False)

    def check_writable(self) -> None:
        self._server.probe(changes=True)

    def was_emptied(self) -> bool:
        return self._marker.is_lost()

    def close(self) -> None:
        self._server.close()

    def _read_sessions(self, email: EmailAddress) -> dict[str, str | None]:
        """Return the text of each session in the account's index, by SID."""
        # The server's documentation asks for a script to get all its keys as KEYS. Those of
        # sessions are not known before; the hash tag puts them into the slot of the index.
        keys = _key(email, "sessions"), _key(email, "session:")
        with self._connection(keys[0]) as client:
            found = cast(Any, client.eval(READ_SESSIONS, len(keys), *keys))
        return dict(zip(found[::2], found[1::2], strict=True))

    def _load_listed_sessions(
        self, email: EmailAddress, texts: Mapping[str, str | None]
    ) -> list[Session]:
        prefix = _key(email, "session:")
        loaded = [self._load(Session, prefix + sid, text) for sid, text in texts.items()]
        return [session for session in loaded if session is not None and session.listed]

    def _update_or_delete_user(
        self, email: EmailAddress, update_fn: Callable[[User | None], User | None]
    ) -> User | None:
        """`None` deletes the record."""

        def compare_and_set(text: str | None, user: User | None) -> Any:
            arguments: Any = key, text, "" if user is None else dump(user)
            with self._connection(key, changes=True) as client:
                return client.eval(COMPARE_AND_SET, 1, *arguments)

        key = _key(email, "user")
        return self._update(User, key, update_fn, compare_and_set)

    def _update(
        self,
        cls: type[T],
        key: str,
        update_fn: Callable[[T | None], T | None],
        compare_and_set: Callable[[str | None, T | None], str | None],
    ) -> T | None:
        """Compare and set until no other client interferes."""
        text = self._get(key)
        for _ in _iter_attempts():
            current = self._load(cls, key, text)
            value = update_fn(current)
            if value == current:
                self._server.confirm(key)
                return value
            conflicting = compare_and_set(text, value)
            if conflicting is None:
                return value
            text = conflicting or None
        raise StoreUnavailable

    def _build_changes(
        self,
        texts: Mapping[str, str | None],
        listed: Sequence[Session],
        sessions: Sequence[Session],
    ) -> list[SessionChange]:
        """Return a change for each text, in their order, then one for each new session."""
        expired = texts.keys() - {session.sid for session in listed}
        new = {session.sid: session for session in sessions if session not in listed}
        changes = [
            self._build_change(sid, text, new.pop(sid, None), expired=sid in expired)
            for sid, text in texts.items()
        ]
        return changes + [self._build_change(sid, None, session) for sid, session in new.items()]

    def _build_change(
        self, sid: str, text: str | None, session: Session | None, *, expired: bool = False
    ) -> SessionChange:
        if session is None:
            return sid, text or "", "", "", "SREM" if expired else ""
        index_change = "SADD" if session.listed else "SREM" if session.tracked else ""
        return sid, text or "", dump(session), self._get_expiry_ms(session), index_change

    def _compare_and_set_sessions(
        self, email: EmailAddress, index_size: int, changes: Sequence[SessionChange]
    ) -> str | None:
        """Return `None`, or a text that has changed meanwhile; '' stands for none."""
        keys = [_key(email, "sessions"), *(_key(email, f"session:{sid}") for sid, *_ in changes)]
        arguments = [str(index_size), *chain.from_iterable(changes)]
        with self._connection(keys[0], changes=True) as client:
            script = COMPARE_AND_SET_SESSIONS
            conflicting: Any = client.eval(script, len(keys), *keys, *arguments)
        return cast(str | None, conflicting)

    def _get(self, key: str) -> str | None:
        with self._connection(key) as client:
            text: Any = client.get(key)
        return cast(str | None, text)

    def _load_both(self, keys: tuple[str, str], user: Any, session: Any) -> UserAndSession:
        return self._load(User, keys[0], user), self._load(Session, keys[1], session)

    def _try_to_load(
        self, keys: tuple[str, str], user: Any, session: Any
    ) -> UserAndSession | Exception:
        try:
            return self._load_both(keys, user, session)
        except Exception as error:  # noqa: BLE001  # the caller raises it, for this account only
            return error

    def _load(self, cls: type[T], key: str, text: str | None) -> T | None:
        """Return the record of a key. Raises `StoreUnavailable` if it is damaged."""
        try:
            record = _parse(cls, key, text)
        except DamagedRecord as error:
            raise self._server.report_damage(key, error) from error
        if record is None and cls is User:
            self._marker.check_soon()
        if isinstance(record, Session) and record.expires_at <= self._clock():
            return None
        return record

    def _load_or_skip(self, key: str, text: str | None) -> User | None:
        try:
            return _parse(User, key, text)
        except DamagedRecord as error:
            logger.warning(DAMAGE, key, error)  # each one, because the list lacks it
            return None

    def _get_expiry_ms(self, session: Session) -> str:
        # A duration and not a point in time, because the server's clock may differ.
        seconds = max(0.0, session.expires_at - self._clock())
        return str(math.ceil(seconds * 1000) + EXPIRY_MARGIN_MS)


def _iter_attempts() -> Iterator[None]:
    """Yield for as long as an update may be tried, with a random pause after each attempt."""
    deadline = time.monotonic() + CAS_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(random.uniform(0, MAX_CAS_PAUSE_SECONDS))  # noqa: S311  # no secret


def _get_added(result: object) -> bool:
    # By itself, redis-py raises it with the command, which has an address and a hash, for the log.
    if isinstance(result, Exception):
        raise result
    return bool(result)


def _parse(cls: type[T], key: str, text: str | None) -> T | None:
    """Return the record of a key. Raises `DamagedRecord`."""
    record = load(cls, text)
    if isinstance(record, User) and _key(record.email, "user") != key:
        raise DamagedRecord("has the email of another key")
    return record


def _build_pairs(keys: Iterable[tuple[EmailAddress, str]]) -> list[tuple[str, str]]:
    return [(_key(email, "user"), _key(email, f"session:{sid}")) for email, sid in keys]


def _key(email: EmailAddress, suffix: str) -> str:
    # A hash tag ends at the first closing brace, and an empty one is ignored.
    hash_tag = email.replace("%", "%25").replace("}", "%7D")
    return f"acct:{{{hash_tag}}}:{suffix}"
