"""Measures and ends process trees (Linux: reads /proc)."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
TIMEOUT_SECONDS = 15
"""How long a server may take to end, or to finish its requests."""


@dataclass(frozen=True)
class Memory:
    """MiB of a process tree. PSS counts a page that n processes share as 1/n, RSS as 1."""

    pss: float
    rss: float


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def tree(pid: int) -> list[int]:
    """Return the process and all its descendants."""
    children = [
        int(child)
        for listed in Path(f"/proc/{pid}/task").glob("*/children")
        for child in listed.read_text().split()
    ]
    return [pid, *(descendant for child in children for descendant in tree(child))]


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of the tree so far, user and system."""
    return sum(map(_ticks, tree(pid))) / TICKS


def _ticks(pid: int) -> int:
    # utime and stime, after the name in parentheses.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def memory(pid: int) -> Memory:
    rollups = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in tree(pid)]
    return Memory(*(sum(_kib(text, name) for text in rollups) / 1024 for name in ("Pss:", "Rss:")))


def _kib(rollup: str, name: str) -> int:
    [line] = [line for line in rollup.splitlines() if line.startswith(name)]
    return int(line.split()[1])


def settle(pid: int) -> None:
    """Wait until the tree uses no CPU: it may still work for clients that have left."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    before = -1.0
    while (now := cpu_seconds(pid)) - before > 1.5 / TICKS and time.monotonic() < deadline:
        before = now
        time.sleep(0.3)


@contextmanager
def terminate_at_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Terminate the process and its process group at the end of the block."""
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(TIMEOUT_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
