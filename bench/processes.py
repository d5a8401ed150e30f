"""What a tree of processes uses, and how it ends (Linux: from /proc)."""

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
PATIENCE = 15
"""Seconds that a server has to end, or to finish what it was asked."""


@dataclass(frozen=True)
class Memory:
    """MiB of a tree: PSS counts a page that n processes share as 1/n in each; RSS as 1."""

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
    """Return the processor time of the tree so far, in user space and in the kernel."""
    return sum(map(_ticks, tree(pid))) / TICKS


def _ticks(pid: int) -> int:
    # After the name, which is in parentheses and may hold anything: utime and stime.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def memory(pid: int) -> Memory:
    rollups = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in tree(pid)]
    return Memory(*(sum(_kib(text, name) for text in rollups) / 1024 for name in ("Pss:", "Rss:")))


def _kib(rollup: str, name: str) -> int:
    [line] = [line for line in rollup.splitlines() if line.startswith(name)]
    return int(line.split()[1])


def settle(pid: int) -> None:
    """Wait until the tree computes nothing: clients that are gone leave work behind."""
    deadline = time.monotonic() + PATIENCE
    before = -1.0
    while (now := cpu_seconds(pid)) - before > 1.5 / TICKS and time.monotonic() < deadline:
        before = now
        time.sleep(0.3)


@contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process with the block, and whatever it started (it leads a group of its own)."""
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
