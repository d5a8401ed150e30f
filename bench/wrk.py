"""wrk, the load generator."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.servers import BenchFailed, Server

SCRIPT = Path(__file__).with_name("wrk.lua")
MISSING = """wrk, the load generator, is not installed. It comes from the system's packages:
  Debian, Ubuntu   apt-get install wrk
  Fedora           dnf install wrk
  Arch             pacman -S wrk"""
ANSWER_SECONDS = 30
"""How long wrk waits for an answer: a login in a queue takes seconds, and wrk's default is two."""


@dataclass(frozen=True)
class Load:
    """What wrk counted. Percentiles are in milliseconds; `statuses` counts 4xx and 5xx."""

    requests: int
    seconds: float
    p50: float
    p99: float
    statuses: int
    overloaded: int
    sockets: int

    @property
    def served(self) -> float:
        """Requests a second that were answered as asked."""
        return (self.requests - self.statuses) / self.seconds


def parse(output: str) -> Load:
    """Read the line that bench/wrk.lua ends with."""
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    if len(lines) != 1:
        raise BenchFailed(f"wrk reported no result:\n{output}")
    return Load(**json.loads(lines[0].removeprefix("RESULT ")))


def checked(load: Load, name: str, *, bear_503: bool = False) -> Load:
    """Return the load, or fail: a server that refuses quickly would look fast."""
    refused = load.statuses - (load.overloaded if bear_503 else 0)
    if refused or load.sockets:
        raise BenchFailed(f"{name}: {refused} answers were refusals, {load.sockets} never came")
    if not load.requests:
        raise BenchFailed(f"{name} answered nothing")
    return load


def require() -> None:
    if shutil.which("wrk") is None:
        raise BenchFailed(MISSING)


def command(server: Server, path: str, clients: int, seconds: int, token: str) -> list[str]:
    authorization = ["-H", f"Authorization: Bearer {token}"] if token else []
    options = ["-t1", f"-c{clients}", f"-d{seconds}", "--timeout", str(ANSWER_SECONDS)]
    url = f"http://127.0.0.1:{server.port}{path}"
    return ["wrk", *options, "-s", str(SCRIPT), *authorization, url]


def get(server: Server, clients: int, seconds: int, token: str) -> Load:
    """Ask for the profile over `clients` connections, without pause."""
    arguments = command(server, server.contestant.api.profile, clients, seconds, token)
    with started(arguments, {}) as process:
        return finished(process, seconds)


def posting(
    server: Server, path: str, body: Mapping[str, str], clients: int, seconds: int
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Post the body in the background; `finished` gives the load."""
    environment = {"BENCH_BODY": json.dumps(body)}
    if path == server.contestant.api.login:
        environment["BENCH_COUNT_503"] = "1"
    return started(command(server, path, clients, seconds, ""), environment)


@contextmanager
def started(
    arguments: list[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        arguments,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(process: subprocess.Popen[str], seconds: int) -> Load:
    return parse(process.communicate(timeout=seconds + ANSWER_SECONDS)[0])
