"""Contestants as running servers."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.client import answers, call
from bench.contestants import Contestant
from bench.processes import ending, free_port

START_SECONDS = 30


class BenchFailed(Exception):
    """What was measured is worth nothing; the message says why."""


class Tokens(NamedTuple):
    access: str
    refresh: str


@dataclass(frozen=True)
class Server:
    """A running contestant. What it prints goes to a file, as every contestant's does."""

    contestant: Contestant
    pid: int
    port: int
    log: Path

    def register(self) -> None:
        api = self.contestant.api
        if (
            api.register
            and (status := call(self.port, "POST", api.register, api.account)[0]) != 201
        ):
            raise BenchFailed(f"{self.contestant.name}: the registration was answered {status}")

    def log_in(self) -> Tokens:
        """Return fresh tokens; empty ones of a server that has no accounts."""
        api = self.contestant.api
        if not api.login:
            return Tokens("", "")
        _, body = call(self.port, "POST", api.login, api.account)
        return Tokens(body[api.access_field], body[api.refresh_field])

    def forget_log(self) -> None:
        """Empty the log: a run's access lines would fill the disk."""
        os.truncate(self.log, 0)


@contextmanager
def running(contestant: Contestant, folder: Path) -> Iterator[Server]:
    """Run the contestant until the block ends; wait until it answers."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(dir=folder))  # a database of its own
    log = folder / "server.log"
    prepare(contestant, folder)
    with log.open("ab") as output:
        process = start(contestant, folder, port, output.fileno())
    with ending(process):
        wait_until_it_answers(process, port, contestant, log)
        yield Server(contestant, process.pid, port, log)


def prepare(contestant: Contestant, folder: Path) -> None:
    if contestant.prepare:
        subprocess.run(
            [contestant.python, *contestant.prepare],
            cwd=contestant.folder,
            env=environment(contestant, folder),
            timeout=START_SECONDS,
            check=True,
        )


def start(contestant: Contestant, folder: Path, port: int, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [contestant.python, *(part.format(port=port) for part in contestant.command)],
        cwd=contestant.folder,
        env=environment(contestant, folder),
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def environment(contestant: Contestant, folder: Path) -> dict[str, str]:
    # How this shell runs Python (unbuffered, without .pyc files) is not what is measured.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**ours, **contestant.environment, "BENCH_FOLDER": str(folder)}


def wait_until_it_answers(
    process: subprocess.Popen[bytes], port: int, contestant: Contestant, log: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(port, contestant.api.ready):
        if process.poll() is not None or time.monotonic() > deadline:
            shown = log.read_text(errors="replace")[-2000:]
            raise BenchFailed(f"{contestant.name} did not start:\n{shown}")
        time.sleep(0.01)


class Arena:
    """The servers that stay up for a whole run: one that is not asked costs nothing."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._servers: dict[str, Server] = {}

    def start(self, contestant: Contestant) -> Server:
        server = self._stack.enter_context(running(contestant, self.folder))
        server.register()
        self._servers[contestant.name] = server
        return server

    def __getitem__(self, name: str) -> Server:
        return self._servers[name]
