"""`make soak`: mixed traffic for 20 minutes, over each store, while everything around it fails.

    .venv/bin/python -m bench.soak [--minutes 20] [--stores memory file valkey]

Each store gets an equal part of the minutes. Rotation and tracked sessions are on. Meanwhile the
service is restarted and killed (not over memory, which would lose its accounts), and Valkey is
killed, paused, and told to rewrite its append-only file. The file store compacts by itself.

A run of 20 minutes or more rewrites the block `soak` of docs/operate/capacity.md and its plot; a
shorter one prints the table. Exits with an error if a confirmed write was lost, if a client was
logged out that followed the contract, or if memory, threads or descriptors grew.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from itertools import cycle, pairwise
from operator import attrgetter
from pathlib import Path
from statistics import median

from tqdm import tqdm

from bench.page import replace_block, table
from bench.processes import free_port, memory, tree
from bench.servers import BenchFailed, start, wait_until_up
from bench.servers_under_test import ROOT, SERVICE, SERVICE_ENVIRONMENT
from bench.soak_clients import GRACE_SECONDS, Client, Record
from bench.valkey import binary, is_listening

PAGE = ROOT / "docs" / "operate" / "capacity.md"
PLOT = ROOT / "docs" / "benchmarks" / "soak.svg"

MINUTES = 20
STORES = ("memory", "file", "valkey")
CLIENTS = 8
FAULTS = 12
"""For each store, evenly over the run, except for its last tenth."""
PAUSE_SECONDS = 3.0
STOP_SECONDS = 30.0

MIDDLE, END = (0.5, 0.6), (0.9, 1.0)
"""The parts of a run that are compared: the cache of verified tokens is full in both."""

GROWTH_LIMITS = {"PSS, MiB": 12.0, "threads": 4, "descriptors": 8}
"""By how much the end may exceed the middle. New accounts and sessions take about 1 KiB each, and
PSS rises when other processes end that share Python's libraries."""


@dataclass(frozen=True)
class Sample:
    seconds: float
    pss: float
    threads: int
    descriptors: int


@dataclass
class Run:
    """What happened to one store."""

    store: str
    record: Record = field(default_factory=Record)
    samples: list[Sample] = field(default_factory=list)
    faults: list[tuple[float, str]] = field(default_factory=list)
    compactions: int = 0


class Service:
    """A service process that can be restarted on its port."""

    def __init__(self, url: str, folder: Path) -> None:
        changed = {
            "ENVIRONMENT": "development",  # production refuses this cost of bcrypt
            "BCRYPT_ROUNDS": "4",
            "STORE_URL": url,
            "ROTATE_REFRESH_TOKENS": "true",
            "REFRESH_REUSE_GRACE_SECONDS": str(GRACE_SECONDS),
            "TRACK_SESSIONS": "true",
            "LOG_LEVEL": "CRITICAL",
        }
        self._spec = replace(SERVICE, environment=SERVICE_ENVIRONMENT | changed)
        self._folder = folder
        self.port = free_port()
        self.start()

    def start(self) -> None:
        log = self._folder / "service.log"
        with log.open("ab") as output:
            self.process = start(self._spec, self._folder, self.port, output.fileno())
        wait_until_up(self.process, self.port, self._spec, log)

    def restart(self) -> None:
        self._end(signal.SIGTERM)
        self.start()

    def kill(self) -> None:
        for pid in tree(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        self.start()

    def close(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS)


class Valkey:
    """A server that writes each change to disk before it responds."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder))
        durable = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
        self._command = [binary(), *options, *durable]
        self._start()

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}"

    def _start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + STOP_SECONDS
        while not is_listening(self.port):
            if time.monotonic() > deadline:
                raise BenchFailed("Valkey did not start")
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        time.sleep(PAUSE_SECONDS)
        self._start()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(PAUSE_SECONDS)
        self.process.send_signal(signal.SIGCONT)

    def compact(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"BGREWRITEAOF\r\n")
            connection.recv(1024)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of all stores together")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that every `finally` runs
    seconds = options.minutes * 60 / len(options.stores)
    runs = [run_store(store, seconds) for store in options.stores]
    shown = table(HEADER, map(build_row, runs)) + f"\n\n{options.minutes:g} minutes in all."
    print(shown)
    if options.minutes >= MINUTES:
        from bench.soak_plot import draw  # noqa: PLC0415  # needs matplotlib, and this module

        PAGE.write_text(replace_block(PAGE.read_text(), "soak", shown))
        draw(runs, PLOT)
    if problems := [one for run in runs for one in find_problems(run)]:
        sys.exit("\n".join(problems))


def run_store(store: str, seconds: float) -> Run:
    run = Run(store)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        service, faults = open_store(run, Path(folder), stack)
        clients = [Client(number, service.port, run.record) for number in range(CLIENTS)]
        for client in clients:
            client.thread.start()
        watch(run, service, faults, Path(folder), seconds)
        for client in clients:
            client.stopped.set()
        for client in clients:
            client.thread.join()
            if client.error is not None:
                run.record.lost_writes.append(f"a client stopped: {client.error!r}")
    return run


Faults = Iterator[tuple[str, Callable[[], object]]]


def open_store(run: Run, folder: Path, stack: ExitStack) -> tuple[Service, Faults]:
    """Start the service over the store. Return it with the faults, again and again."""
    server = Valkey(folder) if run.store == "valkey" else None
    urls = {"memory": "memory://", "file": f"file://{folder}/accounts.jsonl"}
    service = Service(server.url if server else urls[run.store], folder)
    stack.callback(service.close)
    restarts = [("restart", service.restart), ("kill", service.kill)]
    if server is None:
        return service, cycle(restarts if run.store == "file" else [])
    stack.callback(server.close)
    outages = [("Valkey killed", server.kill), ("Valkey paused", server.pause)]
    return service, cycle([*outages, ("compaction", server.compact), *restarts])


def watch(run: Run, service: Service, faults: Faults, folder: Path, seconds: float) -> None:
    """Take a sample each second, and let something fail now and then."""
    files: list[int] = []
    started = time.monotonic()
    moments = [seconds * 0.9 * number / FAULTS for number in range(1, FAULTS + 1)]
    with tqdm(total=round(seconds), unit="s", desc=run.store, file=sys.stderr) as bar:
        while (now := time.monotonic() - started) < seconds:
            run.samples.append(take_sample(service.process.pid, now))
            files.append(find_file(folder))
            if moments and now >= moments[0]:
                moments.pop(0)
                if fault := next(faults, None):
                    run.faults.append((now, fault[0]))
                    fault[1]()
            bar.update(round(now) - bar.n)
            time.sleep(1)
    run.compactions = sum(before != after for before, after in pairwise(files))


def find_file(folder: Path) -> int:
    """Return the inode of the store's file, or 0. Each compaction writes a new one."""
    found = [*folder.glob("accounts.jsonl"), *folder.glob("appendonlydir/*.base.*")]
    return max((file.stat().st_ino for file in found), default=0)


def take_sample(pid: int, now: float) -> Sample:
    pids = tree(pid)
    threads = sum(len([*Path(f"/proc/{one}/task").iterdir()]) for one in pids)
    descriptors = sum(len([*Path(f"/proc/{one}/fd").iterdir()]) for one in pids)
    return Sample(now, memory(pid).pss, threads, descriptors)


HEADER = (
    "store",
    "requests",
    "repeated",
    "faults",
    "compactions",
    "lost writes",
    "false logouts",
    "PSS, MiB",
    "threads",
    "descriptors",
)


def build_row(run: Run) -> tuple[str, ...]:
    record = run.record
    counts = (
        sum(record.requests.values()),
        record.retries,
        len(run.faults),
        run.compactions,
        len(record.lost_writes),
        len(record.false_logouts),
    )
    growths = [f"{first:.0f} → {last:.0f}" for first, last in compare_parts(run).values()]
    return (run.store, *(f"{number:,}" for number in counts), *growths)


def compare_parts(run: Run) -> dict[str, tuple[float, float]]:
    """Return the median of each measure in the middle and at the end of the run."""
    middle, end = select_samples(run, *MIDDLE), select_samples(run, *END)
    return {
        what: (median(map(attrgetter(name), middle)), median(map(attrgetter(name), end)))
        for what, name in zip(GROWTH_LIMITS, ("pss", "threads", "descriptors"), strict=True)
    }


def select_samples(run: Run, begin: float, end: float) -> list[Sample]:
    last = run.samples[-1].seconds
    return [one for one in run.samples if begin * last <= one.seconds <= end * last]


def find_problems(run: Run) -> list[str]:
    problems = [f"{run.store}: lost {lost}" for lost in run.record.lost_writes]
    problems += [f"{run.store}: logged out {one}" for one in run.record.false_logouts]
    for what, (first, last) in compare_parts(run).items():
        if last - first > GROWTH_LIMITS[what]:
            problems.append(f"{run.store}: {what} grew from {first:.0f} to {last:.0f}")
    return problems


if __name__ == "__main__":
    main()
