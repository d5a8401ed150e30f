"""An RSGI application (Granian's own interface) around Django's handler.

Python runs one thread at a time, and each hand-over to another costs. So whatever never waits is
answered on the event loop, where one request follows the next; what may wait (a hash, a disk, a
store on another machine) has a thread from a pool. Bodies are read on the loop, within a bound
and a time: however slowly they come, they hold no thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache
from io import BytesIO
from typing import Any, Protocol

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.ahead import FOUND, Ahead
from accounts.authentication import claims_of
from accounts.core.ports import Waits
from accounts.passwords import MAX_PENDING_HASHES
from accounts.runtime import get_runtime
from authproject.handler import Environ, Handler

# A login holds its thread while it waits for its hash, so the threads outnumber the hashes
# that may wait: however many logins queue up, these many threads answer everything else.
THREADS_FOR_THE_REST = 8
THREADS = MAX_PENDING_HASHES + THREADS_FOR_THE_REST

BODY_SECONDS = 10.0
"""A body that has not come after so long is given up: 400, as if its client had gone."""

Headers = list[tuple[str, str]]


class Scope(Protocol):
    """What is used of RSGI's HTTP scope."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: Any


class HTTPProtocol(Protocol):
    """What is used of RSGI's HTTP protocol."""

    def __call__(self) -> Awaitable[bytes]: ...
    def __aiter__(self) -> Any: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...


class Application:
    """An RSGI application. `threads` is how many requests that wait are answered at once."""

    def __init__(
        self,
        handler: Handler,
        *,
        threads: int,
        max_body_bytes: int,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._handler = handler
        self._body_seconds = body_seconds
        self._threads = ThreadPoolExecutor(threads, "request")
        self._max_body_bytes = max_body_bytes

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        path = scope.path
        environ = environ_of(scope, path)
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            await self._receive(environ, protocol)
        if path in self._instant_paths:
            answer = self._answer(environ)
        elif path in self._identified_paths and not (
            settings.BROWSABLE_API and "HTTP_COOKIE" in environ  # its own login asks the store
        ):
            await self._identify(environ)
            answer = self._answer(environ)
        else:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._threads, self._answer, environ)
        protocol.response_bytes(*answer)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._ahead.close()

    @cached_property
    def _instant_paths(self) -> frozenset[str]:
        instant = get_runtime().service.store.instant
        return frozenset(path for path, waits in what_paths_wait_for() if waits <= instant)

    @cached_property
    def _identified_paths(self) -> frozenset[str]:
        """Paths that need no more than their user to be answered at once."""
        return frozenset(path for path, waits in what_paths_wait_for() if waits <= Waits.IDENTITY)

    @cached_property
    def _ahead(self) -> Ahead:
        return Ahead(get_runtime().service.store)

    async def _identify(self, environ: Environ) -> None:
        # Without a good token nobody will ask the store.
        if claims := claims_of(environ.get("HTTP_AUTHORIZATION", "")):
            environ[FOUND] = await self._ahead.find(claims)

    async def _receive(self, environ: Environ, protocol: HTTPProtocol) -> None:
        """Give `environ` its body, or as much of it as shows that it is too large."""
        declared = environ.get("CONTENT_LENGTH")
        if declared and (not declared.isdecimal() or int(declared) > self._max_body_bytes):
            return  # It is refused by what it declares.
        length = int(declared) if declared else None
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _read(protocol, length, self._max_body_bytes)
        except (TimeoutError, RuntimeError):  # RSGI's own errors are RuntimeErrors
            environ["wsgi.input"] = _NeverCame()
            environ.setdefault("CONTENT_LENGTH", "1")
            return
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))

    def _answer(self, environ: Environ) -> tuple[int, Headers, bytes]:
        response = self._handler.respond(environ)
        try:
            headers = [*response.headers._store.values()]  # noqa: SLF001  # its items, as they are
            if response.cookies:
                headers += [("Set-Cookie", c.output(header="")) for c in response.cookies.values()]
            return response.status_code, headers, b"".join(response)
        finally:
            response.close()


class _NeverCame(BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("the body did not come")


async def _read(protocol: HTTPProtocol, declared: int | None, limit: int) -> bytes:
    if declared is not None:
        return await protocol()  # No more than was declared: the server sees to that.
    body = b""
    async for chunk in protocol:
        body += chunk
        if len(body) > limit:
            break
    return body


def environ_of(scope: Scope, path: str) -> Environ:
    """Return what PEP 3333 asks for. `path` is the scope's, which decodes it at each question."""
    host, _, port = scope.server.rpartition(":")
    headers = scope.headers
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # PEP 3333: bytes as latin-1.
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
    }
    others = len(environ)
    for name, value in headers.items():
        if key := _variable(name):
            environ[key] = environ[key] + _separator(key) + value if key in environ else value
    if len(environ) - others < len(headers):
        # RSGI leaves out values that are not ASCII; a header that was sent must not seem absent.
        for name in headers.keys():  # noqa: SIM118  # not a mapping
            if key := _variable(name):
                environ.setdefault(key, "")
    return environ


def _separator(variable: str) -> str:
    # HTTP/2 may send each cookie as a header of its own (RFC 9113 §8.2.3).
    return "; " if variable == "HTTP_COOKIE" else ","


@lru_cache(256)
def _variable(name: str) -> str | None:
    # As other servers do: `x_forwarded_for` must not pass for `x-forwarded-for`.
    if "_" in name:
        return None
    variable = name.upper().replace("-", "_")
    return variable if variable in CGI_VARIABLES else f"HTTP_{variable}"


CGI_VARIABLES = {"CONTENT_TYPE", "CONTENT_LENGTH"}


def what_paths_wait_for() -> Iterator[tuple[str, Waits]]:
    """Yield each path of the service that has no variable part, and what its view waits for."""
    yield from _walk("/", get_resolver().url_patterns)


def _walk(prefix: str, patterns: Iterable[Any]) -> Iterator[tuple[str, Waits]]:
    for pattern in patterns:
        if not isinstance(pattern.pattern, RoutePattern) or "<" in str(pattern.pattern):
            continue
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(path, pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield path, _waits_of(pattern.callback)


def _waits_of(view: Callable[..., Any]) -> Waits:
    default = getattr(getattr(view, "cls", None), "waits", Waits.ANYTHING)
    waits: Waits = getattr(view, "initkwargs", {}).get("waits", default)
    return waits
