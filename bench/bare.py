"""The service without its bulkhead, to compare: each request hashes on its own server thread."""

from collections.abc import Callable
from typing import TypeVar

from accounts import passwords
from authproject.wsgi import application

T = TypeVar("T")


def run_here(self: passwords.HashingPool, function: Callable[[], T]) -> T:
    return function()


passwords.HashingPool.run = run_here  # type: ignore[method-assign]  # the comparison itself

__all__ = ["application"]
