"""Reads the bodies of requests, with a limit on their size and on the time."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from accounts.conf import MAX_BODY_BYTES
from authproject.server.environ import Environ, parse_content_length

if TYPE_CHECKING:
    from granian.rsgi import HTTPProtocol  # type: ignore[attr-defined]  # its own import

BODY_TIMEOUT_SECONDS = 7.0
"""After this, an incomplete body is answered with 400. Less than the shutdown timeout."""

CHECK_SECONDS = 0.5
"""Between two searches for bodies that are late."""


class ServerThreadCallback(partial[None]):
    """A callback of a body's future. `EventLoop` calls it on the server's thread."""


class BodyReader:
    """Puts bodies into environs. An incomplete one raises when the view reads it."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._deadlines: dict[Any, float] = {}

    def cancel_late(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel bodies that are late, now and from then on."""
        loop.call_later(CHECK_SECONDS, self.cancel_late, loop)
        now = time.monotonic()
        for future, deadline in self._deadlines.copy().items():  # Another thread changes it.
            if deadline < now:
                future.cancel()

    def read(self, environ: Environ, protocol: "HTTPProtocol", answer: Callable[[], None]) -> None:
        """Read the body, if one is declared, and call `answer`, both on the server's thread.

        If the body is late, `answer` is called on the event loop.
        """
        if not _has_body(environ):
            answer()
            return
        future: Any = protocol()
        self._deadlines[future] = time.monotonic() + self._timeout_seconds
        finish = ServerThreadCallback(self._finish, environ, answer)
        future.add_done_callback(finish, context=None)

    def _finish(self, environ: Environ, answer: Callable[[], None], future: Any) -> None:
        del self._deadlines[future]
        try:
            _put(environ, future.result())
        except (asyncio.CancelledError, RuntimeError):
            _put_incomplete(environ)
        answer()

    async def aread(self, environ: Environ, protocol: "HTTPProtocol") -> None:
        """Read the body, if there is one, on an event loop."""
        if not _has_body(environ):
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                _put(environ, await _receive(environ, protocol))
        except (TimeoutError, RuntimeError):  # RSGI's own errors are RuntimeErrors.
            _put_incomplete(environ)


def _has_body(environ: Environ) -> bool:
    """Return whether there is a body to read. One declared too large is refused by its length."""
    if declared := environ.get("CONTENT_LENGTH"):
        return parse_content_length(declared) <= MAX_BODY_BYTES
    return "HTTP_TRANSFER_ENCODING" in environ


def _put(environ: Environ, body: bytes) -> None:
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


def _put_incomplete(environ: Environ) -> None:
    environ["wsgi.input"] = _IncompleteBody()
    environ.setdefault("CONTENT_LENGTH", "1")


class _IncompleteBody(BytesIO):
    """Raises when it is read, so that the view answers 400."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("the body was not received")


async def _receive(environ: Environ, protocol: "HTTPProtocol") -> bytes:
    """Return the body; of a chunked one, stop reading after `MAX_BODY_BYTES`."""
    if environ.get("CONTENT_LENGTH"):
        return await protocol()  # Granian reads no more than the declared length.
    body, empty = b"", 0
    async for chunk in protocol:
        body += chunk
        empty += not chunk
        if len(body) > MAX_BODY_BYTES:
            break
    # Granian ends a complete body with one empty chunk, and an incomplete one with two.
    if empty > 1:
        raise RuntimeError("the body is incomplete")
    return body
