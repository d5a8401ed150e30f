"""`python -m bench.grid`: compares the server's constants with other values, one at a time.

Takes about ten minutes and rewrites the block `grid` of docs/benchmarks.md.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tqdm import tqdm

from bench import logins, throughput
from bench.page import PAGE, replace_block, table
from bench.plan import QUICK, Plan
from bench.results import Results, median_window, percentile
from bench.servers import RunningServers
from bench.servers_under_test import SERVICE, ServerSpec

VARIANTS = {
    "loop": ["asyncio"],
    "runtime mode": ["st", "mt"],
    "threads": ["8", "64"],
    "GIL switch interval, s": ["0.0005", "0.05"],
    "hashing threads": ["1", "3", "4"],
    "niceness of hashing": ["0", "5", "19"],
    "scheduling policy of hashing": ["batch", "idle"],
}
PLAN = Plan(**{**vars(QUICK), "rounds": 3, "login_load": 8, "idle": 3})


def variant(name: str, value: str) -> ServerSpec:
    command = ("-m", "bench.variant", "{port}", f"{name}={value}")
    return ServerSpec(f"{name}: {value}", command)


def measure(spec: ServerSpec, folder: Path) -> tuple[str, ...]:
    results = Results()
    with ExitStack() as stack:
        servers = RunningServers(folder, stack)
        servers.start(spec)
        for _ in range(PLAN.rounds):
            throughput.measure(servers, spec.name, throughput.profile, PLAN.window, results.profile)
        logins.measure_latency(servers, spec.name, PLAN, results)
    window, found = median_window(results.profile[spec.name]), results.latencies[spec.name]
    return (
        spec.name,
        f"{window.rate:,.0f}",
        f"{window.cpu:.0f} µs",
        f"{percentile(found.idle, 99):.2f} ms",
        f"{percentile(found.under_logins, 99):.2f} ms",
        f"{median(found.logins):.2f}",
        str(found.overloaded),
    )


def main() -> None:
    specs = [variant(name, value) for name, values in VARIANTS.items() for value in values]
    header = ("", "profile/s", "CPU a request", "p99 idle", "p99 during logins", "logins/s", "503")
    with tempfile.TemporaryDirectory() as folder:
        # The service itself comes first and last, which shows how much the machine varies.
        rows = [
            measure(one, Path(folder)) for one in tqdm([SERVICE, *specs, SERVICE], file=sys.stderr)
        ]
    shown = table(header, rows)
    PAGE.write_text(replace_block(PAGE.read_text(), "grid", shown))
    print(shown)


if __name__ == "__main__":
    main()
