"""`manage.py serve`: the production server (Granian)."""

import argparse
import gc
import logging
import multiprocessing
import os
from contextlib import ExitStack
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from accounts.conf import conf
from accounts.stores import is_multi_process
from authproject.environment.variables import PRODUCTION
from authproject.server.granian_server import DRAIN_SECONDS, Server
from authproject.server.listener import open_listeners
from authproject.server.metrics_dir import make_metrics_dir
from authproject.server.worker import start_worker

APPLICATION = "authproject.rsgi.application"
MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"

# Granian logs to this project's handlers. Below ERROR, its lines repeat this project's own.
GRANIAN_LOGGING = {"handlers": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}}

MAX_HEADER_BYTES = 32 * 1024
"""As much as nginx accepts by default; Granian refuses what is over twice as much with 431.

With its own default of 400 KB, caches of header names and values, such as that of `Content-Type`,
could take 300 MB of a worker."""

logger = logging.getLogger("authproject.serve")


class Command(BaseCommand):
    help = "Serve the API with Granian."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", help="by default 127.0.0.1; in development localhost")
        parser.add_argument("--port", type=_parse_port, default=8000, help="by default 8000")
        parser.add_argument("--workers", type=int, default=1, help="processes; a shared store only")
        parser.add_argument(
            "--drain-seconds",
            type=_parse_seconds,
            default=DRAIN_SECONDS,
            help="how long it serves on after SIGTERM while /health/ready is 503; by default 1",
        )

    def handle(
        self,
        *args: Any,
        host: str | None,
        port: int,
        workers: int,
        drain_seconds: float,
        **_: Any,
    ) -> None:
        _require_fork()
        _require_shared_store(workers)
        with ExitStack() as stack:
            if workers > 1:
                # Before the application is imported: prometheus-client reads it on import.
                os.environ[MULTIPROC_DIR] = stack.enter_context(make_metrics_dir())
            application = import_string(APPLICATION)  # also checks the settings and the files
            host = host or ("127.0.0.1" if settings.ENVIRONMENT == PRODUCTION else "localhost")
            _use_event_loop(application)
            server = _build_server(host, port, workers, drain_seconds)
            _log_start(host, port, workers)
            # A worker's garbage collections skip what is loaded now. Otherwise they would also
            # copy every memory page that the worker shares with its parent.
            gc.freeze()
            load = partial(start_worker, application, server)
            server.serve(target_loader=load, wrap_loader=False)
        logger.info("stopped by %s", server.stop_signal)


def _use_event_loop(application: Any) -> None:
    from authproject.server.event_loop import use_event_loop  # noqa: PLC0415  # no uvloop on Windows

    use_event_loop(application.receive)


def _log_start(host: str, port: int, workers: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    processes = f"{workers} worker processes" if workers > 1 else "one worker process"
    logger.info("serving on http://%s:%d with %s", shown, port, processes)


def _build_server(host: str, port: int, workers: int, drain_seconds: float) -> Server:
    """Return the server. Raises `CommandError` if it cannot listen there."""
    try:
        listeners = open_listeners(host, port, workers)
    except (OSError, UnicodeError) as error:
        raise CommandError(f"Cannot listen on {host}:{port}: {error}") from error
    return Server(
        listeners,
        APPLICATION,
        interface=Interfaces.RSGI,
        workers=workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEADER_BYTES),
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig=GRANIAN_LOGGING,
        # One of several workers is replaced. A single one ends the service, which its supervisor
        # can see.
        respawn_failed_workers=workers > 1,
        reloads=is_multi_process(conf.STORE_URL),
        drain_seconds=drain_seconds,
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
    if workers > 1 and not is_multi_process(conf.STORE_URL):
        raise CommandError(
            f"--workers {workers} needs a store that processes share: with "
            f"{conf.STORE_URL.partition(':')[0]}://, each has its own users. Set STORE_URL."
        )


def _parse_port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 2**16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: 1 to 65535")


def _parse_seconds(text: str) -> float:
    if text.replace(".", "", 1).isdecimal():
        return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
