"""`manage.py serve`: the production server (Granian)."""

import argparse
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.common import AbstractServer

from accounts.domain.errors import StartupError
from accounts.services import get_services
from accounts.stores import is_multi_process
from authproject.server.workers import initial_worker_pipe, is_initial_worker, metrics_folder

APPLICATION = "authproject.rsgi.application"
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# Granian's own lines go where ours go. Below errors they repeat ours.
GRANIAN_LOGGING = {"handlers": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}}

logger = logging.getLogger("authproject.serve")

SHUTDOWN_SECONDS = 8
"""What is in flight has so long to finish after SIGTERM."""


class Command(BaseCommand):
    help = "Serve the API with Granian."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="by default 127.0.0.1")
        parser.add_argument("--port", type=_port, default=8000, help="by default 8000")
        parser.add_argument("--workers", type=int, default=1, help="processes; a shared store only")

    def handle(self, *args: Any, host: str, port: int, workers: int, **options: Any) -> None:
        _require_fork()
        _require_shared_store(workers)
        with ExitStack() as stack:
            if workers > 1:
                # Before the application is imported: where counts are kept is decided there.
                folder = stack.enter_context(metrics_folder())
                os.environ[METRICS_FOLDER] = folder
            application = import_string(APPLICATION)  # validators the configuration, then the port
            address = _require_free_port(host, port)
            shown = f"[{host}]" if ":" in host else host
            crew = f"{workers} worker processes" if workers > 1 else "one worker process"
            logger.info("serving on http://%s:%d with %s", shown, port, crew)
            # What is loaded stays: a worker's garbage collections need not walk it, which would
            # also copy every page of it that the worker shares with its parent.
            gc.freeze()
            server = _granian(address, port, workers)
            load = partial(_load, application, initial_worker_pipe(workers))
            server.serve(target_loader=load, wrap_loader=False)
        logger.info("stopped")


def _load(application: Any, reader: int) -> Any:
    """Run in a worker, before it serves."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    if settings.METRICS and not is_initial_worker(reader):
        from authproject.monitoring.metrics import worker_restarts  # noqa: PLC0415  # only where it is on

        worker_restarts.inc()
    _open_store()
    return application


def _granian(address: str, port: int, workers: int) -> AbstractServer[Any]:
    return Granian(
        APPLICATION,
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        workers=workers,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig=GRANIAN_LOGGING,
        workers_kill_timeout=SHUTDOWN_SECONDS,
        # One of many is replaced; the only one ends the service, and its supervisor sees it.
        respawn_failed_workers=workers > 1,
    )


def _require_fork() -> None:
    # Workers inherit the checked settings and the imported application. macOS, and Linux from
    # Python 3.14 on, would start them as new programs, which inherit nothing.
    if "fork" not in multiprocessing.get_all_start_methods():
        raise CommandError("serve needs a system that can fork, as Linux; here: runserver.")
    multiprocessing.set_start_method("fork", force=True)


def _require_shared_store(workers: int) -> None:
    if workers < 1:
        raise CommandError("--workers must be at least 1.")
    if workers > 1 and not is_multi_process(settings.STORE_URL):
        raise CommandError(
            f"--workers {workers} needs a store that processes share; each would have users "
            f"of its own in {settings.STORE_URL.partition(':')[0]}://. Set STORE_URL."
        )


def _open_store() -> None:
    # Here and not before: the store's threads, sockets and memory belong to the worker.
    try:
        get_services()
    except StartupError as error:
        sys.exit(str(error))
    # What is there now stays: a million users need not be walked at each garbage collection.
    gc.collect()
    gc.freeze()


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 2**16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to 65535")


def _require_free_port(host: str, port: int) -> str:
    """Return the numeric address of `host`, on which nobody listens at `port`."""
    # Granian's workers share their port (SO_REUSEPORT): without this, a second service would
    # take half of the first one's connections, and know none of its users.
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        raise CommandError(f"Cannot listen on {host}:{port}: {error}") from error
    return str(address[0])


def _exit_with_parent() -> None:
    # Runs in a worker: one that outlived a killed parent would keep the port and the store.
    cast(BaseProcess, multiprocessing.parent_process()).join()
    # Until it is heard: one that is still starting has its parent's handlers, which pass it over.
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
