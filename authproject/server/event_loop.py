"""The event loop of `manage.py serve`. It leaves most requests to Granian's own thread.

Granian receives a request on that thread, and passes it to the event loop. At each request, the two
threads would take Python's lock from each other, which takes longer than to receive it.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from functools import cache, partial
from typing import Any

import uvloop
from granian import loops

from authproject.server.bodies import ServerThreadCallback

Receive = Callable[[Any, Any], bool]
"""Takes the scope and the protocol of a request, and returns whether it answers the request."""


class EventLoop(uvloop.Loop):
    """Passes each request to `receive` first, and runs those that it does not answer."""

    def __init__(self, receive: Receive) -> None:
        super().__init__()
        self._receive = receive

    def call_soon_threadsafe(  # type: ignore[override]  # Granian needs no handle
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Any:
        if type(callback) is ServerThreadCallback:
            return callback(*args)
        # Granian passes a coroutine that answers the request, and the request.
        request: Any = args[-1] if args else None
        if (protocol := getattr(request, "proto", None)) and self._receive(request.scope, protocol):
            return args[0].close()
        return super().call_soon_threadsafe(callback, *args, context=context)

    def add_signal_handler(  # type: ignore[override]  # its types of `args` are variadic
        self, sig: int, callback: Callable[..., Any], *args: Any
    ) -> None:
        """Call Granian's handler once for each signal, from when the loop runs.

        Its third call blocks Python for good. Before the loop runs, uvloop would forget the signal.
        """
        self.call_soon(super().add_signal_handler, sig, cache(callback), *args)


def use_event_loop(receive: Receive) -> None:
    """Let Granian's workers use this event loop."""
    loops.register("auto")(partial(_create_event_loop, receive))


def _create_event_loop(receive: Receive) -> EventLoop:
    loop = EventLoop(receive)
    asyncio.set_event_loop(loop)
    return loop
