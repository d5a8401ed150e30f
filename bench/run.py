"""`python -m bench.run [--quick]`: measures the service and its peers.

`make bench` installs the dependencies and runs it. A full run takes under twelve minutes and
rewrites the generated blocks of docs/benchmarks.md and the plots. A quick run takes under three
minutes; it prints the tables, draws the plots into a temporary folder, and publishes nothing.
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
from bench.machine import OtherProcesses, machine, versions
from bench.page import PAGE, replace_block
from bench.plan import FULL, QUICK, Plan, Step
from bench.results import Results
from bench.servers import BenchFailed, RunningServers
from bench.servers_under_test import ROOT, ServerSpec, over_valkey
from bench.tables import ORDER, blocks
from bench.valkey import valkey

PLOTS = ROOT / "docs" / "benchmarks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short windows, nothing published")
    quick = parser.parse_args().quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that every `finally` runs
    try:
        wrk.require()
        found, others = machine(), OtherProcesses()  # before the run, which is a load itself
        results = measure(QUICK if quick else FULL)
    except BenchFailed as error:
        sys.exit(str(error))
    found.append(("CPU share of other processes during the run", f"{others.get_cpu_share():.1%}"))
    shown = blocks(results, found, versions())
    if quick:
        show(results, shown)
    else:
        publish(results, shown)


def measure(plan: Plan) -> Results:
    results = Results()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = RunningServers(folder, stack)
        specs = [*ORDER, *over_valkey(stack.enter_context(valkey(folder)))]
        run([*steps(servers, plan, results, specs)], plan.limit)
    return results


def steps(
    servers: RunningServers, plan: Plan, results: Results, specs: list[ServerSpec]
) -> list[Step]:
    return [
        *costs.start_steps(servers.folder, plan, results),
        *costs.server_steps(servers, specs, results),
        *throughput.steps(servers, plan, results, specs),
        *logins.steps(servers, plan, results),
        *costs.scale_steps(servers.folder, plan, results),
    ]


def run(planned: list[Step], limit: float) -> None:
    """Do the steps in turn, with a progress bar of their seconds."""
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
