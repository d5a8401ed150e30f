"""Runs wrk, the load generator."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.servers import BenchFailed, Server

SCRIPT = Path(__file__).with_name("wrk.lua")
MISSING = """wrk, the load generator, is not installed. It comes from the system's packages:
  Debian, Ubuntu   apt-get install wrk
  Fedora           dnf install wrk
  Arch             pacman -S wrk"""
RESPONSE_SECONDS = 30
"""wrk's timeout. A queued login takes seconds, and the default is two."""


@dataclass(frozen=True)
class Load:
    """The result of wrk. Percentiles are in ms; `statuses` counts 4xx and 5xx responses."""

    requests: int
    seconds: float
    p50: float
    p99: float
    statuses: int
    overloaded: int
    sockets: int

    @property
    def served(self) -> float:
        """Successful requests a second."""
        return (self.requests - self.statuses) / self.seconds


def parse(output: str) -> Load:
    """Parse the line that bench/wrk.lua prints at the end."""
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    if len(lines) != 1:
        raise BenchFailed(f"wrk reported no result:\n{output}")
    return Load(**json.loads(lines[0].removeprefix("RESULT ")))


def check_load(load: Load, name: str, *, allow_503: bool = False) -> Load:
    """Return the load, or raise if it has errors: fast error responses would look good."""
    errors = load.statuses - (load.overloaded if allow_503 else 0)
    if errors or load.sockets:
        raise BenchFailed(f"{name}: {errors} responses were errors, {load.sockets} never came")
    if not load.requests:
        raise BenchFailed(f"{name} sent no response")
    return load


def require() -> None:
    if shutil.which("wrk") is None:
        raise BenchFailed(MISSING)


def command(server: Server, path: str, clients: int, seconds: int, token: str) -> list[str]:
    headers = {"Authorization": token and f"Bearer {token}", "Origin": server.spec.origin}
    sent = [f"{name}: {value}" for name, value in headers.items() if value]
    options = ["-t1", f"-c{clients}", f"-d{seconds}", "--timeout", str(RESPONSE_SECONDS)]
    url = f"http://127.0.0.1:{server.port}{path}"
    return ["wrk", *options, "-s", str(SCRIPT), *chain(*(("-H", one) for one in sent)), url]


def get(server: Server, clients: int, seconds: int, token: str) -> Load:
    """Request the profile over `clients` connections, without pause."""
    arguments = command(server, server.spec.api.profile, clients, seconds, token)
    with run_wrk(arguments, {}) as process:
        return wait_for_result(process, seconds)


def start_posting(
    server: Server, path: str, body: Mapping[str, str], clients: int, seconds: int
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Post the body in the background; `finished` gives the load."""
    environment = {"BENCH_BODY": json.dumps(body)}
    if path in {server.spec.api.login, server.spec.api.register}:
        environment["BENCH_COUNT_503"] = "1"
    return run_wrk(command(server, path, clients, seconds, ""), environment)


@contextmanager
def run_wrk(
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


def wait_for_result(process: subprocess.Popen[str], seconds: int) -> Load:
    return parse(process.communicate(timeout=seconds + RESPONSE_SECONDS)[0])
