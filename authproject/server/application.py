"""The RSGI application: decides for each request which thread runs it.

Python runs one thread at a time, and each switch between threads costs about half a request. So a
request that cannot block is answered on the server's thread, which has received it; `execution.py`
decides which can. No thread waits for a body, so a slow client holds none.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest

from accounts.authentication import PREFETCHED_IDENTITY, verify_authorization_header
from accounts.passwords.executor import HASHING_THREADS, MAX_WAIT_SECONDS
from accounts.rest.exceptions import server_error
from accounts.services import get_services
from authproject.monitoring.formatters import request_id
from authproject.server.bodies import BODY_TIMEOUT_SECONDS, BodyReader
from authproject.server.environ import (
    OVERLOADED,
    SHUTTING_DOWN,
    Environ,
    build_environ,
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
        self._bodies = BodyReader(body_timeout_seconds)
        self._thread_pools = {
            Execution.THREAD: BoundedThreadPool(threads, "request", max_wait_seconds),
            Execution.PASSWORD_THREAD: BoundedThreadPool(threads, "password", max_wait_seconds),
            Execution.MONITORING_THREAD: BoundedThreadPool(
                MONITORING_THREADS, "monitoring", max_wait_seconds
            ),
        }
        # The requests on the event loop, or on their way to it, that may block or wait for a body.
        self._waiting: set[HTTPProtocol] = set()
        self._final_headers: list[tuple[str, str]] = []
        self._drains = False

    def close_connections(self) -> None:
        """Close each connection after its next response: another process serves the clients."""
        self._final_headers = [("Connection", "close")]

    def start_draining(self) -> None:
        """Be not ready, and close each connection after its next response."""
        self._drains = True
        self.close_connections()

    def receive(self, scope: "Scope", protocol: "HTTPProtocol") -> bool:
        """Answer a request on the server's thread. Return `False` if the event loop has to.

        It has to if something blocks, and while it has other requests that block: they need
        Python's lock, which a busy server's thread would not leave to it.
        """
        try:
            if self._waiting or self._reads_block:
                return False
            environ = build_environ(scope, scope.path)
            chunked = "HTTP_TRANSFER_ENCODING" in environ
            if chunked or self._choose_execution(environ) is not Execution.IMMEDIATE:
                self._waiting.add(protocol)
                return False
            self._bodies.read(environ, protocol, partial(self._answer, environ, protocol))
        except BaseException:  # noqa: BLE001  # the event loop raises it again, and answers 500
            return False  # An exception here, `SystemExit` too, would block Granian's thread.
        return True

    async def __rsgi__(self, scope: "Scope", protocol: "HTTPProtocol") -> None:
        try:
            environ = build_environ(scope, scope.path)
            execution = self._choose_execution(environ)
            if execution is not Execution.IMMEDIATE:
                self._waiting.add(protocol)
            await self._bodies.aread(environ, protocol)
            response = await self._respond(execution, environ)
        except Exception as error:  # noqa: BLE001  # the client gets a response in any case
            response = _build_error_response(error)
        finally:
            self._waiting.discard(protocol)
        self._send(protocol, response)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._bodies.cancel_late(loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        for pool in self._thread_pools.values():
            pool.executor.shutdown(wait=False, cancel_futures=True)
        for handler in logging.getLogger().handlers:
            handler.flush()  # A worker ends without `logging.shutdown`.

    async def _respond(self, execution: Execution, environ: Environ) -> RSGIResponse:
        if pool := self._thread_pools.get(execution):
            return await pool.run(self._call_django, environ)
        if execution is Execution.PREFETCH:
            await self._prefetch_identity(environ)
        return self._call_django(environ)

    def _answer(self, environ: Environ, protocol: "HTTPProtocol") -> None:
        try:
            self._send(protocol, self._call_django(environ))
        except BaseException as error:  # noqa: BLE001  # the client gets a response in any case
            self._send(protocol, _build_error_response(error))

    def _send(self, protocol: "HTTPProtocol", response: RSGIResponse) -> None:
        status, headers, body = response
        protocol.response_bytes(status, headers + self._final_headers, body)

    def _choose_execution(self, environ: Environ) -> Execution:
        # The browsable API may authenticate by the cookie, which reads the store.
        cookie = "HTTP_COOKIE" in environ and settings.BROWSABLE_API
        changes = environ["REQUEST_METHOD"].upper() in CHANGING_METHODS  # as Django reads it
        return self._executions[cookie, changes].get(environ["PATH_INFO"], Execution.THREAD)

    @cached_property
    def _reads_block(self) -> bool:
        return get_services().accounts.store.blocking_reads

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

    def _call_django(self, environ: Environ) -> RSGIResponse:
        if self._drains:
            environ[SHUTTING_DOWN] = True
        response = self._handler.handle_environ(environ)
        try:
            headers = get_headers(response)
            if response.cookies:
                headers += [("Set-Cookie", c.output(header="")) for c in response.cookies.values()]
            return response.status_code, headers, b"".join(response)
        finally:
            response.close()


def _build_error_response(error: BaseException) -> RSGIResponse:
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
