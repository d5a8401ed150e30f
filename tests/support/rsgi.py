"""Calls the RSGI application without a server."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from authproject.server.application import Application
from authproject.server.execution import Execution
from authproject.server.handler import Handler
from tests.support.api import JSON, PASSWORD


class RSGIHeaders(tuple[tuple[str, str], ...]):
    """RSGI's headers: a name may come twice."""

    __slots__ = ()

    def items(self) -> "RSGIHeaders":
        return self

    def keys(self) -> list[str]:
        return [name for name, _ in self]


class RSGIScope:
    """A request's head."""

    http_version, scheme, query_string = "1.1", "http", ""
    server, client = "127.0.0.1:8000", "127.0.0.1:5000"

    def __init__(self, method: str, path: str, *headers: tuple[str, str]) -> None:
        self.method, self.path = method, path
        self.headers = RSGIHeaders([("host", "localhost"), *headers])


class RSGIResponse(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class RSGIProtocol:
    """A client with this body. Without one, it never sends the body that it has declared."""

    response: RSGIResponse

    def __init__(self, body: bytes | None = None) -> None:
        self._body = body

    def __call__(self) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if self._body is not None:
            future.set_result(self._body)
        return future

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.response = RSGIResponse(status, headers, body)


class BrokenHandler(Handler):
    """Raises before Django's own error handling begins."""

    error: type[BaseException] = RuntimeError

    def handle_environ(self, environ: Any) -> Any:
        raise self.error("a secret of the inside")


def build_application(handler: Handler | None = None, **options: Any) -> Application:
    """Build the application with one thread in each large pool."""
    return Application(handler or Handler(), **{"threads": 1, **options})


def build_overloaded_application(*pools: Execution) -> Application:
    """Build the application without a free thread in these pools; no request waits for one."""
    application = build_application(max_wait_seconds=0.0)
    for pool in pools:
        application._thread_pools[pool].free_threads = asyncio.Semaphore(0)
    return application


def call(application: Application, method: str, path: str, *headers: tuple[str, str]) -> Any:
    """Send one request from an event loop on this thread; return the `RSGIResponse`."""
    return asyncio.run(send(application, RSGIProtocol(), method, path, *headers))


def receive(
    application: Application,
    protocol: RSGIProtocol,
    method: str,
    path: str,
    *headers: tuple[str, str],
) -> bool:
    """Pass a request to the application as a server's thread does."""
    scope: Any = RSGIScope(method, path, *headers)
    return application.receive(scope, cast(Any, protocol))


def register_together(application: Application, emails: Iterable[str]) -> list[RSGIResponse]:
    """Send one registration for each e-mail address at once."""
    bodies = [json.dumps({"email": email, "password": PASSWORD}).encode() for email in emails]

    async def send_all() -> list[RSGIResponse]:
        return await asyncio.gather(*(_register(application, body) for body in bodies))

    return asyncio.run(send_all())


async def send(
    application: Application,
    protocol: RSGIProtocol,
    method: str,
    path: str,
    *headers: tuple[str, str],
) -> RSGIResponse:
    scope: Any = RSGIScope(method, path, *headers)
    await application.__rsgi__(scope, cast(Any, protocol))
    return protocol.response


async def _register(application: Application, body: bytes) -> RSGIResponse:
    headers = (("content-type", JSON), ("content-length", str(len(body))))
    path = "/api/v1/auth/register"
    return await send(application, RSGIProtocol(body), "POST", path, *headers)
