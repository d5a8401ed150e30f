"""Logins a second against bcrypt alone, and the profile's latency in a storm of logins."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

from bench import wrk
from bench.contestants import FASTAPI, ROOT, SERVICE
from bench.plan import STORM_CLIENTS, Plan, Step
from bench.processes import settle
from bench.results import Results
from bench.servers import Arena, Server

FILLING = 2
"""Seconds until the queue of logins is as long as it gets."""
SLACK = 30
"""Seconds that a subprocess may take beyond its own time."""


def steps(arena: Arena, plan: Plan, results: Results) -> Iterator[Step]:
    for number in range(plan.login_rounds):
        shown = f"({number + 1}/{plan.login_rounds})"
        seconds = plan.login_window
        raw = partial(hash_alone, results, seconds)
        yield Step(f"bcrypt alone {shown}", seconds + 0.5, raw)
        alone = partial(log_in_alone, arena, results, seconds)
        yield Step(f"logins, {SERVICE.name} {shown}", seconds + 3, alone)
    for number in range(plan.storm_rounds):
        for one in (SERVICE, FASTAPI):
            name = f"in a storm, {one.name} ({number + 1}/{plan.storm_rounds})"
            action = partial(storm, arena, one.name, plan, results)
            yield Step(name, plan.idle + plan.storm + FILLING + 4, action)


def hash_alone(results: Results, seconds: int) -> None:
    results.raw_bcrypt.append(float(said("bench.raw_bcrypt", str(seconds))))


def log_in_alone(arena: Arena, results: Results, seconds: int) -> None:
    server = arena[SERVICE.name]
    with storming(server, seconds) as process:
        load = wrk.checked(wrk.finished(process, seconds), SERVICE.name)
    results.logins.append(load.served)
    settle(server.pid)


def storm(arena: Arena, name: str, plan: Plan, results: Results) -> None:
    server, latencies = arena[name], results.latencies[name]
    token = server.log_in().access
    settle(server.pid)
    latencies.idle += probed(server, token, plan.idle)
    seconds = FILLING + plan.storm
    with storming(server, seconds) as process:
        time.sleep(FILLING)
        # It ends a second before the storm does: a slow start must not let it see calm.
        latencies.storm += probed(server, token, plan.storm - 1)
        load = wrk.checked(wrk.finished(process, seconds), name, bear_503=True)
    latencies.logins.append(load.served)
    latencies.overloaded += load.overloaded
    settle(server.pid)
    server.forget_log()


def storming(server: Server, seconds: int) -> AbstractContextManager[subprocess.Popen[str]]:
    api = server.contestant.api
    return wrk.posting(server, api.login, api.account, STORM_CLIENTS, seconds)


def probed(server: Server, token: str, seconds: int) -> list[float]:
    path = server.contestant.api.profile
    shown = said("bench.probe", str(server.port), path, str(seconds), BENCH_TOKEN=token)
    latencies: list[float] = json.loads(shown)
    return latencies


def said(module: str, *arguments: str, **environment: str) -> str:
    """Run a module of the benchmark's; return what it printed. Its last argument is seconds."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=float(arguments[-1]) + SLACK,
        check=True,
    ).stdout
