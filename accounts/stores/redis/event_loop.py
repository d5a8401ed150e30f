"""Reads from a server on an event loop, over connections that are open."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as ReadTimeout


class KeptConnections:
    """Connections of a client's pool that stay open: an event loop must not wait for new ones.

    To hand a read to a thread and back takes longer than the read itself.
    """

    def __init__(self) -> None:
        self._free: list[Any] = []
        self._pool: Any = None

    def add(self, client: Any) -> None:
        """Keep one more connection, if none is free. May connect, so a thread calls it."""
        if not self._free:
            self._pool = client.connection_pool
            with suppress(RedisError):
                self._free.append(self._pool.get_connection())

    def replace(self) -> None:
        """Do not use again those that are free."""
        for connection in list(self._free):
            connection.mark_for_reconnect()

    def take(self) -> Any | None:
        """Return a connection that the pool, too, would use as it is."""
        if not self._free:
            return None
        connection = self._free.pop()
        with suppress(RedisError):
            # With Sentinels, the pool owns only connections to the present primary.
            owned = self._pool.owns_connection(connection) and not connection.should_reconnect()
            if owned and not connection.can_read():  # a closed one raises
                return connection
        self._close(connection)
        return None

    async def mget(self, connection: Any, keys: Iterable[str]) -> list[Any]:
        """Return the values. The connection is free afterwards, or closed after an error."""
        try:
            connection.send_command("MGET", *keys)
            values: list[Any] = await _receive(connection)
        except BaseException:
            self._close(connection)
            raise
        self._free.append(connection)
        return values

    def _close(self, connection: Any) -> None:
        connection.disconnect()
        self._pool.release(connection)


async def _receive(connection: Any) -> Any:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    socket = connection._get_socket()  # noqa: SLF001  # no public method returns it
    loop.add_reader(socket, readable.set)
    try:
        async with asyncio.timeout(connection.socket_timeout):
            while await readable.wait():
                readable.clear()
                with suppress(ReadTimeout):  # the response is incomplete
                    return connection.read_response(timeout=0, disconnect_on_error=False)
    except TimeoutError as error:
        raise ReadTimeout("Timeout reading from socket") from error
    finally:
        loop.remove_reader(socket)
