"""`python -m bench.grid`: the choices of the server, one by one, each beside what was chosen.

Takes some ten minutes; rewrites the block `grid` of docs/benchmarks.md.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tqdm import tqdm

from bench import logins, throughput
from bench.contestants import SERVICE, Contestant
from bench.page import replace_block, table
from bench.plan import QUICK, Plan
from bench.results import Results, middle, percentile
from bench.run import PAGE
from bench.servers import Arena

VARIANTS = {
    "loop": ["asyncio"],
    "runtime mode": ["st", "mt"],
    "threads for what waits": ["8", "64"],
    "GIL switch interval, s": ["0.0005", "0.05"],
    "hashing threads": ["1", "3", "4"],
    "niceness of hashing": ["0", "5", "19"],
    "scheduling policy of hashing": ["batch", "idle"],
}
PLAN = Plan(**{**vars(QUICK), "rounds": 3, "storm": 8, "idle": 3})


def variant(name: str, value: str) -> Contestant:
    command = ("-m", "bench.variant", "{port}", f"{name}={value}")
    return Contestant(f"{name}: {value}", command)


def measure(contestant: Contestant, folder: Path) -> tuple[str, ...]:
    results = Results()
    with ExitStack() as stack:
        arena = Arena(folder, stack)
        arena.start(contestant)
        for _ in range(PLAN.rounds):
            throughput.measure(
                arena, contestant.name, throughput.profile, PLAN.window, results.profile
            )
        logins.storm(arena, contestant.name, PLAN, results)
    window, found = middle(results.profile[contestant.name]), results.latencies[contestant.name]
    return (
        contestant.name,
        f"{window.rate:,.0f}",
        f"{window.cpu:.0f} µs",
        f"{percentile(found.idle, 99):.2f} ms",
        f"{percentile(found.storm, 99):.2f} ms",
        f"{median(found.logins):.2f}",
        str(found.overloaded),
    )


def main() -> None:
    contestants = [variant(name, value) for name, values in VARIANTS.items() for value in values]
    header = ("", "profile/s", "CPU a request", "p99 idle", "p99 in a storm", "logins/s", "503")
    with tempfile.TemporaryDirectory() as folder:
        # What was chosen comes first and last: how far the machine drifts meanwhile.
        rows = [
            measure(one, Path(folder))
            for one in tqdm([SERVICE, *contestants, SERVICE], file=sys.stderr)
        ]
    shown = table(header, rows)
    PAGE.write_text(replace_block(PAGE.read_text(), "grid", shown))
    print(shown)


if __name__ == "__main__":
    main()
