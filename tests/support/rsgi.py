"""Calls the RSGI application without a server."""

import asyncio
from typing import Any, NamedTuple

from authproject.server.application import Application
from authproject.server.handler import Handler


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
    """A client with no body to send; with a `Content-Length` it never sends one."""

    response: RSGIResponse

    def __call__(self) -> asyncio.Future[bytes]:
        return asyncio.get_running_loop().create_future()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.response = RSGIResponse(status, headers, body)


class BrokenHandler(Handler):
    """Raises before Django's own error handling begins."""

    def handle_environ(self, environ: Any) -> Any:
        raise RuntimeError("a secret of the inside")


def build_application(
    handler: Handler | None = None, *, overloaded: bool = False, **options: Any
) -> Application:
    """Build the application with one thread; `overloaded` means that no more may wait for it."""
    application = Application(handler or Handler(), threads=1, **options)
    if overloaded:
        application._request_threads.pending = application._request_threads.max_pending
    return application


def call(application: Application, method: str, path: str, *headers: tuple[str, str]) -> Any:
    """Send one request from an event loop on this thread; return the `RSGIResponse`."""
    scope: Any = RSGIScope(method, path, *headers)
    protocol: Any = RSGIProtocol()
    asyncio.run(application.__rsgi__(scope, protocol))
    return protocol.response
