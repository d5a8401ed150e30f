"""The service in this process: requests go to `Application.receive`, without a socket."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import django

from bench.servers_under_test import SERVICE_ENVIRONMENT

if TYPE_CHECKING:
    from accounts.domain.service import AccountService


class Scope:
    """RSGI's scope of a request as wrk sends it."""

    http_version, scheme, query_string = "1.1", "http", ""
    server, client = "127.0.0.1:8000", "127.0.0.1:50000"

    def __init__(self, method: str, path: str, **headers: str) -> None:
        self.method, self.path = method, path
        self.headers = {"host": "127.0.0.1:8000"}
        self.headers |= {name.replace("_", "-"): value for name, value in headers.items()}


class Body(bytes):
    """Granian's future of a body, which is there at once."""

    def add_done_callback(self, callback: Callable[[Self], None], context: None) -> None:
        callback(self)

    def result(self) -> bytes:
        return self


class Client:
    """RSGI's protocol: sends a body and keeps the response's status."""

    def __init__(self, body: bytes = b"") -> None:
        self._body = Body(body)
        self.status = 0

    def __call__(self) -> Body:
        return self._body

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status


def set_up_service() -> "AccountService":
    """Set up Django with production settings, the memory store, and a log to the null device."""
    os.environ |= SERVICE_ENVIRONMENT
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # open until the process ends
    django.setup()
    from accounts.services import get_services  # noqa: PLC0415  # needs Django to be set up

    return get_services().accounts


def rsgi_application() -> Any:
    """Return the application that `serve` loads. Call `set_up_service` first."""
    from authproject.rsgi import application  # noqa: PLC0415  # needs Django to be set up

    return application
