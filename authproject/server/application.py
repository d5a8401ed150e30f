"""The RSGI application: runs each request on the event loop or on a thread.

Python runs one thread at a time, and each switch between threads costs about half a request. So
a request that cannot block runs on the event loop; `execution.py` decides which can. Bodies are
read on the event loop, with a size limit and a timeout, so a slow client holds no thread.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from io import BytesIO
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest

from accounts.authentication import PREFETCHED_IDENTITY, verify_authorization_header
from accounts.conf import MAX_BODY_BYTES
from accounts.passwords.executor import HASHING_THREADS, MAX_WAIT_SECONDS
from accounts.rest.exceptions import server_error
from accounts.services import get_services
from authproject.monitoring.formatters import request_id
from authproject.server.environ import (
    OVERLOADED,
    SHUTTING_DOWN,
    Environ,
    build_environ,
    parse_content_length,
)
from authproject.server.execution import CHANGING_METHODS, Execution, choose_execution
from authproject.server.handler import Handler
from authproject.server.headers import get_headers
from authproject.server.identity_loader import IdentityBatchLoader
from authproject.server.routes import iter_routes

if TYPE_CHECKING:
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]  # its own import

THREADS = 12 * HASHING_THREADS + 8
"""In each of the two large pools. At cost 12, twelve hashes for each core take three seconds. A
request that finds so many gets one of the other threads, and is refused at once."""

MONITORING_THREADS = 2
"""Reserved for `/health/ready` and `/metrics`: they work when all other threads are blocked."""

BODY_TIMEOUT_SECONDS = 7.0
"""After this, an incomplete body is answered with 400. Less than the shutdown timeout."""

logger = logging.getLogger("authproject.server")

RSGIResponse = tuple[int, list[tuple[str, str]], bytes]


class BoundedThreadPool:
    """A thread pool with a limit on the wait for a thread. Used by one event loop."""

    def __init__(self, threads: int, name: str, max_wait_seconds: float) -> None:
        self.executor = ThreadPoolExecutor(threads, name)
        self.free_threads = asyncio.Semaphore(threads)
        self._max_wait_seconds = max_wait_seconds

    async def run(self, task: Callable[[Environ], RSGIResponse], environ: Environ) -> RSGIResponse:
        """Call `task` on a thread; if none becomes free in time, on the event loop.

        `OVERLOADED` is set in the second case: the middleware answers 503, which does not block.
        """
        try:
            async with asyncio.timeout(self._max_wait_seconds):
                await self.free_threads.acquire()
        except TimeoutError:
            environ[OVERLOADED] = True
            return task(environ)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.executor, task, environ)
        finally:
            self.free_threads.release()


class Application:
    """Answers RSGI requests with Django.

    So many `threads` hash passwords or wait for hashes, and so many run other requests that block.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        threads: int,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        body_timeout_seconds: float = BODY_TIMEOUT_SECONDS,
    ) -> None:
        self._handler = handler
        self._body_timeout_seconds = body_timeout_seconds
        self._thread_pools = {
            Execution.THREAD: BoundedThreadPool(threads, "request", max_wait_seconds),
            Execution.PASSWORD_THREAD: BoundedThreadPool(threads, "password", max_wait_seconds),
            Execution.MONITORING_THREAD: BoundedThreadPool(
                MONITORING_THREADS, "monitoring", max_wait_seconds
            ),
        }
        self._final_headers: list[tuple[str, str]] = []
        self._drains = False

    def close_connections(self) -> None:
        """Close each connection after its next response: another process serves the clients."""
        self._final_headers = [("Connection", "close")]

    def start_draining(self) -> None:
        """Be not ready, and close each connection after its next response."""
        self._drains = True
        self.close_connections()

    async def __rsgi__(self, scope: "Scope", protocol: "HTTPProtocol") -> None:
        try:
            status, headers, body = await self._handle(scope, protocol)
        except Exception as error:  # noqa: BLE001  # the client gets a response in any case
            status, headers, body = _build_error_response(error)
        protocol.response_bytes(status, headers + self._final_headers, body)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        for pool in self._thread_pools.values():
            pool.executor.shutdown(wait=False, cancel_futures=True)
        for handler in logging.getLogger().handlers:
            handler.flush()  # A worker ends without `logging.shutdown`.

    async def _handle(self, scope: "Scope", protocol: "HTTPProtocol") -> RSGIResponse:
        path = scope.path
        environ = build_environ(scope, path)
        if self._drains:
            environ[SHUTTING_DOWN] = True
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            await self._read_body(environ, protocol)
        # The browsable API may authenticate by the cookie, which reads the store.
        cookie = "HTTP_COOKIE" in environ and settings.BROWSABLE_API
        changes = scope.method.upper() in CHANGING_METHODS  # as Django reads it
        execution = self._executions[cookie, changes].get(path, Execution.THREAD)
        if pool := self._thread_pools.get(execution):
            return await pool.run(self._call_django, environ)
        if execution is Execution.PREFETCH:
            await self._prefetch_identity(environ)
        return self._call_django(environ)

    @cached_property
    def _executions(self) -> dict[tuple[bool, bool], dict[str, Execution]]:
        """Executions by path, for `cookie` and `changes`. Built late: it opens the store."""
        store, routes = get_services().accounts.store, list(iter_routes())
        return {
            (cookie, changes): {
                route.path: choose_execution(route, store, cookie=cookie, changes=changes)
                for route in routes
            }
            for cookie in (False, True)
            for changes in (False, True)
        }

    @cached_property
    def _identity_loader(self) -> IdentityBatchLoader:
        return IdentityBatchLoader(get_services().accounts.store)

    async def _prefetch_identity(self, environ: Environ) -> None:
        # Without a valid token, the view refuses the request and never reads the store.
        if claims := verify_authorization_header(environ.get("HTTP_AUTHORIZATION", "")):
            environ[PREFETCHED_IDENTITY] = await self._identity_loader.load(claims)

    async def _read_body(self, environ: Environ, protocol: "HTTPProtocol") -> None:
        """Put the body into `environ`.

        One declared too large is not read; a chunked one only until it is too large. An incomplete
        one raises when the view reads it.
        """
        declared = environ.get("CONTENT_LENGTH")
        length = parse_content_length(declared) if declared else None
        if length is not None and length > MAX_BODY_BYTES:
            return  # RequestLimitsMiddleware refuses it by its declared length.
        try:
            async with asyncio.timeout(self._body_timeout_seconds):
                body = await _receive(protocol, length)
        except (TimeoutError, RuntimeError):  # RSGI's own errors are RuntimeErrors.
            environ["wsgi.input"] = _UnavailableBody()
            environ.setdefault("CONTENT_LENGTH", "1")
            return
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))

    def _call_django(self, environ: Environ) -> RSGIResponse:
        response = self._handler.handle_environ(environ)
        try:
            headers = get_headers(response)
            if response.cookies:
                headers += [("Set-Cookie", c.output(header="")) for c in response.cookies.values()]
            return response.status_code, headers, b"".join(response)
        finally:
            response.close()


def _build_error_response(error: Exception) -> RSGIResponse:
    """Log an exception from outside Django's handler and return the 500 response for it."""
    request: Any = HttpRequest()
    request.request_id = token_hex(16)
    token = request_id.set(request.request_id)
    logger.error("a request could not be answered", exc_info=error)
    got_request_exception.send(sender=Application, request=request)
    request_id.reset(token)
    response = server_error(request)
    response["X-Request-ID"] = request.request_id
    response["X-Content-Type-Options"] = "nosniff"
    return response.status_code, list(response.items()), response.content


class _UnavailableBody(BytesIO):
    """Raises when it is read, so that the view answers 400."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("the body was not received")


async def _receive(protocol: "HTTPProtocol", length: int | None) -> bytes:
    """Return the body; of a chunked one, stop reading after `MAX_BODY_BYTES`."""
    if length is not None:
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
