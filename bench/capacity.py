"""`python -m bench.capacity [--quick]`: measures what a core does, for docs/operate/capacity.md.

It rewrites the page's generated block, and bench/capacity.json, from which `bench.cluster`
calculates. A quick run takes a minute, and only prints its table.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import redis

from bench import wrk
from bench.cluster import RESULTS, Machine, simulate_clients
from bench.machine import OtherProcesses, machine
from bench.page import replace_block, table
from bench.plan import CLIENTS, LOGIN_CLIENTS
from bench.processes import cpu_seconds, settle
from bench.servers import BenchFailed, Server, running
from bench.servers_under_test import PASSWORD, ROOT, SERVICE, ServerSpec, over_valkey
from bench.valkey import valkey

PAGE = ROOT / "docs" / "operate" / "capacity.md"
SECONDS, QUICK_SECONDS = 20, 5


@dataclass(frozen=True)
class Point:
    """One load: its successful responses a second, and what each of them cost."""

    rate: float
    cpu: float
    """Seconds of a core of the service, for each response."""
    store_cpu: float
    """Seconds of a core of Valkey, for each response."""
    p50: float
    """Milliseconds."""


@dataclass(frozen=True)
class Row:
    store: str
    workers: int
    requests: Point
    logins: Point
    registrations: Point


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short loads, nothing published")
    quick = parser.parse_args().quick
    try:
        wrk.require()
        found, others = machine(), OtherProcesses()
        rows = measure(QUICK_SECONDS if quick else SECONDS)
    except BenchFailed as error:
        sys.exit(str(error))
    share = others.get_cpu_share()
    found.append(("CPU share of other processes", f"{share:.1%}"))
    block = build_block(rows, found)
    print(block)
    if not quick:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(replace_block(page, "capacity", block), encoding="utf-8")
        measured = {"other processes": round(share, 3), "rows": [*map(asdict, rows)]}
        RESULTS.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def measure(seconds: int) -> list[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(valkey(folder))
        one_worker, two_workers = over_valkey(port)
        measured = [
            ("memory", 1, SERVICE),
            ("file", 1, over_file(folder)),
            ("Valkey", 1, one_worker),
            ("Valkey", 2, two_workers),
        ]
        return [
            Row(store, workers, *measure_server(spec, folder, port, seconds))
            for store, workers, spec in measured
        ]


def over_file(folder: Path) -> ServerSpec:
    url = f"file://{folder}/accounts.jsonl"
    return replace(
        SERVICE, name="this service, file", environment={**SERVICE.environment, "STORE_URL": url}
    )


def measure_server(spec: ServerSpec, folder: Path, port: int, seconds: int) -> Iterator[Point]:
    """Yield the points of requests, logins and registrations."""
    api = spec.api
    with running(spec, folder) as server:
        server.register()
        token = server.log_in().access
        meter = Meter(server, port)
        yield meter.measure(lambda: wrk.get(server, CLIENTS, seconds, token))
        new = {"email": "NUMBER@example.com", "password": PASSWORD}
        for path, body in ((api.login, api.account), (api.register, new)):
            yield meter.measure(partial(post, server, path, body, seconds), LOGIN_CLIENTS)


def post(server: Server, path: str, body: Mapping[str, str], seconds: int) -> wrk.Load:
    with wrk.start_posting(server, path, body, LOGIN_CLIENTS, seconds) as process:
        return wrk.wait_for_result(process, seconds)


@dataclass(frozen=True)
class Meter:
    """Measures what a server and its Valkey spend on a load."""

    server: Server
    valkey_port: int

    def measure(self, send_load: Callable[[], wrk.Load], unfinished: int = 0) -> Point:
        """`unfinished` responses are still calculated when their clients leave."""
        settle(self.server.pid)
        before = self._read()
        load = wrk.check_load(send_load(), self.server.spec.name, allow_503=True)
        settle(self.server.pid)
        finished = load.requests - load.statuses + unfinished
        cpu, store_cpu = (
            (after - earlier) / finished
            for after, earlier in zip(self._read(), before, strict=True)
        )
        self.server.truncate_log()
        return Point(load.served, cpu, store_cpu, load.p50)

    def _read(self) -> tuple[float, float]:
        return cpu_seconds(self.server.pid), store_cpu_seconds(self.valkey_port)


def store_cpu_seconds(port: int) -> float:
    info = redis.Redis(port=port).info("cpu")
    return float(info["used_cpu_user"] + info["used_cpu_sys"])


def build_block(rows: list[Row], found: list[tuple[str, str]]) -> str:
    header = ["store, workers", "requests/s", "of a core", "logins/s", "of a core", "simulated"]
    header += ["registrations/s", "of a core"]
    shown = [
        (
            f"{row.store}, {row.workers}",
            *show(row.requests, 0),
            *show(row.logins, 1),
            f"{simulate_logins(row.logins):.1f}",
            *show(row.registrations, 1),
        )
        for row in rows
    ]
    lines = [f"- {name}: {value}" for name, value in found]
    return "\n".join([table(header, shown), "", *lines])


def simulate_logins(measured: Point) -> float:
    """Return the logins a second of the same clients on this machine without other processes."""
    return simulate_clients(Machine(os.cpu_count() or 1, measured.cpu), LOGIN_CLIENTS, SECONDS)


def show(point: Point, digits: int) -> tuple[str, str]:
    """Return the rate of the machine, and that of one core that does nothing else."""
    return f"{point.rate:,.{digits}f}", f"{1 / point.cpu:,.{digits}f}"


if __name__ == "__main__":
    main()
