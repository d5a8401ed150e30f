"""A worker process: how it starts, is replaced, and ends with its parent."""

import gc
import os
import signal
import socket
import sys
import time
from threading import Thread
from typing import Any

from django.conf import settings

from accounts.domain.errors import StartupError
from accounts.services import get_services
from authproject.server.granian_server import (
    HASHING_SECONDS,
    RETIRE_SECONDS,
    RETIRE_SIGNAL,
    SHUTDOWN_SECONDS,
    Server,
)
from authproject.server.listener import stop_accepting


def start_worker(application: Any, server: Server) -> Any:
    """Prepare this worker process. Granian calls it before the worker serves `application`."""
    _take_over_signals(application, server)
    Thread(target=_follow_parent, args=(application, server), daemon=True).start()
    if settings.METRICS and server.replaces_dead_worker:
        from authproject.monitoring.metrics import worker_restarts  # noqa: PLC0415  # only then

        worker_restarts.inc()
    _open_store()
    return application


def _take_over_signals(application: Any, server: Server) -> None:
    """Replace what this process has from its parent: handlers that do nothing in it, and pipes."""
    for message in (server.drains, server.stops, server.ends):
        message.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until Granian sets its own
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # its parent decides
    if server.reloads:
        signal.signal(RETIRE_SIGNAL, lambda *_: _retire(application, server.listener))


def _open_store() -> None:
    # In the worker, not in its parent: a fork copies no threads, and must not share sockets.
    try:
        get_services()
    except StartupError as error:
        sys.exit(str(error))
    # Garbage collections skip what is loaded now, for example a million users.
    gc.collect()
    gc.freeze()


def _retire(application: Any, listener: socket.socket) -> None:
    """End this worker when its clients have other connections.

    On SIGTERM alone, Granian closes new connections without a response, and those that are
    between two requests.
    """
    # Once: the second time, nothing would be found to remove, and the search would not end.
    signal.signal(RETIRE_SIGNAL, signal.SIG_IGN)
    application.close_connections()
    # An exception here would be raised in the request that the signal has interrupted.
    Thread(target=_stop_accepting_and_end, args=(listener,), daemon=True).start()


def _stop_accepting_and_end(listener: socket.socket) -> None:
    stop_accepting(listener)
    time.sleep(RETIRE_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _follow_parent(application: Any, server: Server) -> None:
    """Shut this worker down step by step, as its parent does."""
    server.drains.wait()
    application.start_draining()
    server.stops.wait()
    if not server.ends.wait(HASHING_SECONDS):  # pragma: no cover  # tested in one that is killed
        get_services().hashing_executor.stop()
    # Without this, the worker of a killed parent would keep the port and the store.
    server.ends.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SHUTDOWN_SECONDS)  # Requests may finish until then. The process usually ends before.
    os.kill(os.getpid(), signal.SIGKILL)  # pragma: no cover  # it kills the coverage, too
