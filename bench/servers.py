"""Starts servers and keeps them running."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.client import call, is_up
from bench.processes import free_port, terminate_at_exit
from bench.servers_under_test import ServerSpec

START_SECONDS = 30


class BenchFailed(Exception):
    """The measurement is not valid; the message says why."""


class Tokens(NamedTuple):
    access: str
    refresh: str


@dataclass(frozen=True)
class Server:
    """A running server. Its output goes to a file."""

    spec: ServerSpec
    pid: int
    port: int
    log: Path

    def register(self) -> None:
        api = self.spec.api
        if (
            api.register
            and (status := call(self.port, "POST", api.register, api.account)[0]) != 201
        ):
            raise BenchFailed(f"{self.spec.name}: the registration got {status}")

    def log_in(self) -> Tokens:
        """Return new tokens, or empty ones if the server has no accounts."""
        api = self.spec.api
        if not api.login:
            return Tokens("", "")
        _, body = call(self.port, "POST", api.login, api.account)
        return Tokens(body[api.access_field], body[api.refresh_field])

    def truncate_log(self) -> None:
        """Empty the log: the access lines of a run would fill the disk."""
        os.truncate(self.log, 0)


@contextmanager
def running(spec: ServerSpec, folder: Path) -> Iterator[Server]:
    """Run a server until the block ends. Waits until it is up."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(dir=folder))  # each server gets its own database
    log = folder / "server.log"
    prepare(spec, folder)
    with log.open("ab") as output:
        process = start(spec, folder, port, output.fileno())
    with terminate_at_exit(process):
        wait_until_up(process, port, spec, log)
        yield Server(spec, process.pid, port, log)


def prepare(spec: ServerSpec, folder: Path) -> None:
    if spec.prepare:
        subprocess.run(
            [spec.python, *spec.prepare],
            cwd=spec.folder,
            env=environment(spec, folder),
            timeout=START_SECONDS,
            check=True,
        )


def start(spec: ServerSpec, folder: Path, port: int, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [spec.python, *(part.format(port=port) for part in spec.command)],
        cwd=spec.folder,
        env=environment(spec, folder),
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def environment(spec: ServerSpec, folder: Path) -> dict[str, str]:
    # This shell's options for Python, such as PYTHONUNBUFFERED, must not change the result.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**ours, **spec.environment, "BENCH_FOLDER": str(folder)}


def wait_until_up(process: subprocess.Popen[bytes], port: int, spec: ServerSpec, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_up(port, spec.api.ready):
        if process.poll() is not None or time.monotonic() > deadline:
            shown = log.read_text(errors="replace")[-2000:]
            raise BenchFailed(f"{spec.name} did not start:\n{shown}")
        time.sleep(0.01)


class RunningServers:
    """The servers that run until the end. An idle server costs no CPU."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._servers: dict[str, Server] = {}

    def start(self, spec: ServerSpec) -> Server:
        server = self._stack.enter_context(running(spec, self.folder))
        server.register()
        self._servers[spec.name] = server
        return server

    def __getitem__(self, name: str) -> Server:
        return self._servers[name]
