"""An RSGI application (Granian's own interface) around Django's handler.

Python runs one thread at a time, and each hand-over to another costs. So whatever never waits is
answered on the event loop, where one request follows the next; what may wait (a hash, a disk, a
store on another machine) has a thread from a pool. Bodies are read on the loop, within a bound
and a time: however slowly they come, they hold no thread.
"""

import asyncio
import logging
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from io import BytesIO
from secrets import token_hex
from typing import Any, Protocol

from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest

from accounts.authentication import PREFETCHED_IDENTITY, verify_authorization_header
from accounts.passwords.executor import MAX_PENDING_HASHES
from accounts.rest.exceptions import server_error
from accounts.services import get_services
from authproject.monitoring import access_log as logs
from authproject.server.environ import (
    OVERLOADED,
    Environ,
    Scope,
    build_environ,
    parse_content_length,
)
from authproject.server.execution import Execution, choose_execution
from authproject.server.handler import Handler
from authproject.server.identity_loader import IdentityBatchLoader
from authproject.server.routes import routes

# A login holds its thread while it waits for its hash, so the threads outnumber the hashes
# that may wait: however many logins queue up, these many threads answer everything else.
SPARE_THREADS = 8
THREADS = MAX_PENDING_HASHES + SPARE_THREADS

# Of what waits for a thread the last would have its turn after three others: with a store that
# stalls for a second each time, that is long enough.
QUEUE_PER_THREAD = 3

# Metrics and readiness have threads of their own: when clients hold all the others, whoever
# watches the service must still learn why. A store that stalls holds one for a second.
MONITORING_THREADS = 2

BODY_TIMEOUT_SECONDS = 7.0
"""A body that has not come after so long is given up: 400, as if its client had gone. That is less
than a SIGTERM gives for what is in flight."""

logger = logging.getLogger("authproject.server")

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]


class HTTPProtocol(Protocol):
    """What is used of RSGI's HTTP protocol."""

    def __call__(self) -> Awaitable[bytes]: ...
    def __aiter__(self) -> Any: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...


class BoundedThreadPool:
    """So many requests are answered at once, some more wait, and further ones are turned away."""

    def __init__(self, count: int, name: str) -> None:
        self.executor = ThreadPoolExecutor(count, name)
        self.pending, self.max_pending = 0, count * (1 + QUEUE_PER_THREAD)


class Application:
    """An RSGI application. `threads` is how many requests that wait are answered at once."""

    def __init__(
        self,
        handler: Handler,
        *,
        threads: int,
        max_body_bytes: int,
        body_timeout_seconds: float = BODY_TIMEOUT_SECONDS,
    ) -> None:
        self._handler = handler
        self._body_seconds = body_timeout_seconds
        self._clients = BoundedThreadPool(threads, "request")
        self._probes = BoundedThreadPool(MONITORING_THREADS, "probe")
        self._max_body_bytes = max_body_bytes

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        try:
            answer = await self._answer_to(scope, protocol)
        except Exception as error:  # noqa: BLE001  # whatever it is, the client gets an answer
            answer = _apology(error)
        protocol.response_bytes(*answer)

    async def _answer_to(self, scope: Scope, protocol: HTTPProtocol) -> Answer:
        path = scope.path
        environ = build_environ(scope, path)
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            await self._receive(environ, protocol)
        # The browsable API may authenticate by the cookie, which reads the store.
        cookie = "HTTP_COOKIE" in environ and settings.BROWSABLE_API
        match self._executions[cookie].get(path, Execution.THREAD):
            case Execution.EVENT_LOOP:
                return self._answer(environ)
            case Execution.PREFETCH:
                await self._identify(environ)
                return self._answer(environ)
            case Execution.MONITORING_THREAD:
                return await self._answer_on_a_thread(self._probes, environ)
        return await self._answer_on_a_thread(self._clients, environ)

    async def _answer_on_a_thread(self, threads: BoundedThreadPool, environ: Environ) -> Answer:
        if threads.pending >= threads.max_pending:
            environ[OVERLOADED] = True
            return self._answer(environ)
        threads.pending += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(threads.executor, self._answer, environ)
        finally:
            threads.pending -= 1

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        for threads in (self._clients, self._probes):
            threads.executor.shutdown(wait=False, cancel_futures=True)
        self._ahead.close()

    @cached_property
    def _executions(self) -> dict[bool, dict[str, Execution]]:
        """By path, without and with a cookie. Cached when first used: the store opens late."""
        store = get_services().accounts.store
        return {
            cookie: {
                route.path: choose_execution(route, store, cookie=cookie) for route in routes()
            }
            for cookie in (False, True)
        }

    @cached_property
    def _ahead(self) -> IdentityBatchLoader:
        return IdentityBatchLoader(get_services().accounts.store)

    async def _identify(self, environ: Environ) -> None:
        # Without a good token nobody will ask the store.
        if claims := verify_authorization_header(environ.get("HTTP_AUTHORIZATION", "")):
            environ[PREFETCHED_IDENTITY] = await self._ahead.load(claims)

    async def _receive(self, environ: Environ, protocol: HTTPProtocol) -> None:
        """Give `environ` its body, or as much of it as shows that it is too large."""
        declared = environ.get("CONTENT_LENGTH")
        length = parse_content_length(declared) if declared else None
        if length is not None and length > self._max_body_bytes:
            return  # It is refused by what it declares.
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _read(protocol, length, self._max_body_bytes)
        except (TimeoutError, RuntimeError):  # RSGI's own errors are RuntimeErrors
            environ["wsgi.input"] = _NeverCame()
            environ.setdefault("CONTENT_LENGTH", "1")
            return
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))

    def _answer(self, environ: Environ) -> Answer:
        response = self._handler.handle_environ(environ)
        try:
            headers = [*response.headers._store.values()]  # noqa: SLF001  # its items, as they are
            if response.cookies:
                headers += [("Set-Cookie", c.output(header="")) for c in response.cookies.values()]
            return response.status_code, headers, b"".join(response)
        finally:
            response.close()


def _apology(error: Exception) -> Answer:
    """Log a bug of this module's; Django's handler knows of no others."""
    request: Any = HttpRequest()
    request.request_id = token_hex(16)
    token = logs.request_id.set(request.request_id)
    logger.error("a request could not be answered", exc_info=error)
    got_request_exception.send(sender=Application, request=request)
    logs.request_id.reset(token)
    response = server_error(request)
    response["X-Request-ID"] = request.request_id
    response["X-Content-Type-Options"] = "nosniff"
    return response.status_code, list(response.items()), response.content


class _NeverCame(BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("the body did not come")


async def _read(protocol: HTTPProtocol, declared: int | None, limit: int) -> bytes:
    if declared is not None:
        return await protocol()  # No more than was declared: the server sees to that.
    body, empty = b"", 0
    async for chunk in protocol:
        body += chunk
        empty += not chunk
        if len(body) > limit:
            break
    # Granian ends a body with an empty chunk, and one that breaks off with two.
    if empty > 1:
        raise RuntimeError("the body breaks off")
    return body
