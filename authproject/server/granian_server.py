"""Granian's server with this project's listening sockets and its own answer to SIGHUP."""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, cast

from granian import net
from granian.server.mp import MPServer, WorkerProcess

from authproject.server.events import Broadcast, Wakeup
from authproject.server.listener import BACKLOG, ignore_new_connections

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

DRAIN_SECONDS = 1.0
"""How long a service serves on after SIGTERM, by default: proxies leave it meanwhile."""

LAST_REQUEST_SECONDS = 0.25
"""For the first request on each connection that was accepted at the end of that time."""

HASHING_SECONDS = 6
"""How long requests may then wait for a password hash. Later they are 503."""

SHUTDOWN_SECONDS = 8
"""How long requests may then take to finish. Later they are cut."""

RETIRE_SECONDS = 2.0
"""How long a worker that is replaced closes connections by its responses, before it ends."""

RETIRE_SIGNAL = signal.SIGUSR1
POLL_SECONDS = 0.05

logger = logging.getLogger("authproject.serve")

TargetLoader = Callable[[], Any]


class Server(MPServer):
    """Granian's server. SIGHUP replaces its workers if `reloads`, and stops it otherwise."""

    stop_signal = ""
    """The name of the signal that stopped it."""
    replaces_dead_worker = False
    """Read by a worker, which is a copy of this process: whether it takes a dead one's place."""

    def __init__(
        self,
        listeners: list[socket.socket],
        target: str,
        *,
        reloads: bool,
        drain_seconds: float,
        **options: Any,
    ) -> None:
        super().__init__(target, workers_kill_timeout=SHUTDOWN_SECONDS, **options)
        self.reloads = reloads
        self._listeners = listeners
        self._drain_seconds = drain_seconds
        self.drains, self.stops, self.ends = Broadcast(), Broadcast(), Broadcast()
        self._stop_signals = 0
        self.main_loop_interrupt = Wakeup()  # type: ignore[assignment]  # has what Granian calls
        self.on_startup(_block_sigterm_at_fork)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # as by nohup
            self.on_startup(partial(signal.signal, signal.SIGHUP, signal.SIG_IGN))

    def signal_handler_interrupt(self, *args: Any, **options: Any) -> None:
        self.stop_signal = signal.Signals(args[0]).name
        self._stop_signals += 1
        super().signal_handler_interrupt(*args, **options)  # type: ignore[no-untyped-call]  # Granian's

    def signal_handler_reload(self, *args: Any, **options: Any) -> None:
        if self.reloads:
            super().signal_handler_reload(*args, **options)  # type: ignore[no-untyped-call]  # Granian's
        else:
            self.signal_handler_interrupt(*args, **options)

    def _serve(self, *args: Any) -> None:
        """Serve. If this process fails, as when it cannot fork, its workers do not serve on."""
        try:
            super()._serve(*args)  # type: ignore[no-untyped-call]  # Granian's
        finally:
            for worker in multiprocessing.active_children():
                worker.terminate()  # pragma: no cover  # tested where no coverage can be saved

    def shutdown(self, *args: Any, **options: Any) -> None:
        """Drain, then let the workers finish. SIGINT drains nothing; a second signal ends it."""
        stopped_by_signal = bool(self.stop_signal)  # not later, while it ends for another reason
        self.drains.close()
        for worker in self.wrks:
            worker.interrupt_by_parent = True  # Its end is no failure.
        if self.stop_signal not in {"", "SIGINT"} and self._drain_seconds:
            self._wait_while_draining(self._drain_seconds)
            for listener in self._listeners:
                ignore_new_connections(listener)
            self._wait_while_draining(LAST_REQUEST_SECONDS)
        self.stops.close()
        # A signal to each process, as by Ctrl+C, may end a worker before its parent runs.
        with suppress(SystemExit) if stopped_by_signal else nullcontext():
            super().shutdown(*args, **options)  # type: ignore[no-untyped-call]  # Granian's

    def _wait_while_draining(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._stop_signals == 1 and time.monotonic() < deadline and self._has_workers():
            time.sleep(POLL_SECONDS)

    def _has_workers(self) -> bool:
        return any(worker.is_alive() for worker in self.wrks)

    def _init_shared_socket(self) -> None:
        holder = cast(Any, net).SocketHolder  # not in its stub
        self._holders = [holder(one.fileno(), False, BACKLOG) for one in self._listeners]

    def _spawn_worker(self, idx: int, *args: Any, **options: Any) -> WorkerProcess:
        """Give a worker its own listener, that of the worker before it."""
        self.listener = self._listeners[idx]  # as the worker, a copy of this process, reads it
        vars(self).update({"_ssp": None, "_sso": self.listener, "_shd": self._holders[idx]})
        return super()._spawn_worker(idx, *args, **options)

    def _drop_shared_socket(self) -> None:
        for listener in self._listeners:
            listener.close()

    def _respawn_workers(self, workers: list[int], *args: Any, **options: Any) -> None:
        """Replace workers that have died, unless a reload has."""
        dead = {index for index in workers if not self.wrks[index].is_alive()}
        self.replaces_dead_worker = True
        super()._respawn_workers(dead, *args, **options)
        self.replaces_dead_worker = False

    def _reload(self, spawn_target: Any, target_loader: TargetLoader) -> None:
        """Replace the workers one by one. Each one serves until its successor does."""
        self.reload_signal = False
        dead = self.interrupt_children  # Granian's loop replaces these. It may grow meanwhile.
        indexes = (index for index in range(self.workers) if index not in dead)
        try:
            if all(self._replace_worker(index, spawn_target, target_loader) for index in indexes):
                logger.info("replaced the workers after SIGHUP")
        except OSError:  # no memory, or no more processes or open files
            logger.exception("a new worker did not start; the others were not replaced")

    def _replace_worker(self, index: int, spawn_target: Any, target_loader: TargetLoader) -> bool:
        """Return `False` if the service is to stop, or if the new worker does not start."""
        reader, writer = Pipe(duplex=False)
        with reader:
            with writer:  # The worker has a copy.
                new = self._spawn_worker(index, spawn_target, partial(_load, target_loader, writer))
                new.interrupt_by_parent = True  # Until it serves, its end does not end the service.
                new.start()
            self.wrks.append(new)  # If the service is to stop, it stops both.
            is_ready = self._wait_until_ready(reader)
        if self.interrupt_signal:
            return False
        # Not `is_alive`: another thread may have waited for it, and not have noted that it did.
        if not is_ready or wait([new.inner.sentinel], timeout=0):
            logger.error("a new worker did not start; the others were not replaced")
            self.wrks.remove(new)
            return False
        new.interrupt_by_parent = False
        return self._finish_worker(index)

    def _finish_worker(self, index: int) -> bool:
        """End a worker in favor of the last one. Return `False` if the service is to stop."""
        old = self.wrks[index]
        old.interrupt_by_parent = True
        with suppress(ProcessLookupError):  # It has just died.
            os.kill(old.inner.pid, RETIRE_SIGNAL)
        self._wait_for_end(old, RETIRE_SECONDS + SHUTDOWN_SECONDS)
        if self.interrupt_signal:
            return False
        old.kill()
        self.wrks[index] = self.wrks.pop()
        return True

    def _wait_until_ready(self, reader: "Connection[Any, Any]") -> bool:
        while not self.interrupt_signal:
            if reader.poll(POLL_SECONDS):
                return bool(os.read(reader.fileno(), 1))
        return False

    def _wait_for_end(self, worker: WorkerProcess, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.interrupt_signal and time.monotonic() < deadline and worker.inner.is_alive():
            worker.inner.join(POLL_SECONDS)


def _block_sigterm_at_fork() -> None:
    """Let SIGTERM wait in each worker that is forked from now on, until its handler is set.

    Until then, its parent's handler would take the signal, and do nothing.
    """
    set_mask = partial(signal.pthread_sigmask, mask={signal.SIGTERM})
    os.register_at_fork(
        before=partial(set_mask, signal.SIG_BLOCK),
        after_in_parent=partial(set_mask, signal.SIG_UNBLOCK),
    )


def _load(target_loader: TargetLoader, writer: "Connection[Any, Any]") -> Any:
    """Load the application in a worker, and tell its parent so."""
    application = target_loader()
    with writer:
        os.write(writer.fileno(), b"1")
    return application
