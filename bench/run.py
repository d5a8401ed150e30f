"""`python -m bench.run [--quick]`: measure the service beside its peers, and write it down.

`make bench` sets up what this needs and runs it. A full run takes under ten minutes and rewrites
the generated blocks of docs/benchmarks.md and the plots beside it. A quick one takes under two,
prints the tables and draws into a temporary folder: its numbers never replace the published ones.
"""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from bench import costs, logins, plots, throughput, wrk
from bench.contestants import ROOT, Contestant, over_valkey
from bench.machine import Bystanders, machine, versions
from bench.page import replace_block
from bench.plan import FULL, QUICK, Plan, Step
from bench.results import Results
from bench.servers import Arena, BenchFailed
from bench.tables import ORDER, blocks
from bench.valkey import valkey

PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short windows, nothing published")
    quick = parser.parse_args().quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through every `finally`
    try:
        wrk.require()
        found, bystanders = machine(), Bystanders()  # now: the run itself is a load
        results = measure(QUICK if quick else FULL)
    except BenchFailed as error:
        sys.exit(str(error))
    found.append(("others' part of the processors during the run", f"{bystanders.share():.1%}"))
    shown = blocks(results, found, versions())
    if quick:
        show(results, shown)
    else:
        publish(results, shown)


def measure(plan: Plan) -> Results:
    results = Results()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        arena = Arena(folder, stack)
        contestants = [*ORDER, over_valkey(stack.enter_context(valkey(folder)))]
        run([*steps(arena, plan, results, contestants)], plan.limit)
    return results


def steps(arena: Arena, plan: Plan, results: Results, contestants: list[Contestant]) -> list[Step]:
    return [
        *costs.start_steps(arena.folder, plan, results),
        *costs.up_steps(arena, contestants, results),
        *throughput.steps(arena, plan, results, contestants),
        *logins.steps(arena, plan, results),
        *costs.scale_steps(arena.folder, plan, results),
    ]


def run(planned: list[Step], limit: float) -> None:
    """Do the steps in turn, under a progress bar of seconds."""
    deadline = time.monotonic() + limit
    form = "{percentage:3.0f}% |{bar:30}| {elapsed}, {remaining} to go: {desc}"
    with tqdm(total=sum(step.seconds for step in planned), bar_format=form) as bar:
        for step in planned:
            if time.monotonic() + step.seconds > deadline:
                raise BenchFailed(f"the run would exceed its {limit:.0f} s, at: {step.name}")
            bar.set_description_str(step.name)
            step.action()
            bar.update(step.seconds)


def show(results: Results, shown: dict[str, str]) -> None:
    for name, block in shown.items():
        print(f"\n{name}\n\n{block}")
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    plots.draw(results, folder)
    print(f"\nA quick run publishes nothing: {PAGE.name} is as it was; plots are in {folder}")


def publish(results: Results, shown: dict[str, str]) -> None:
    page = PAGE.read_text()
    for name, block in shown.items():
        page = replace_block(page, name, block)
    PAGE.write_text(page)
    PLOTS.mkdir(exist_ok=True)
    plots.draw(results, PLOTS)
    print(f"\n{shown['targets']}\n\nwritten: {PAGE.relative_to(ROOT)} and its plots")


if __name__ == "__main__":
    main()
