"""Measures logins a second compared with bcrypt alone, and the latency of the profile meanwhile."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

from bench import wrk
from bench.plan import CLIENTS, LOGIN_CLIENTS, Plan, Step
from bench.processes import settle
from bench.results import Results
from bench.servers import RunningServers, Server
from bench.servers_under_test import FASTAPI, ROOT, SERVICE

QUEUE_FILL_SECONDS = 2
"""How long it takes until the queue of logins is full."""
EXTRA_SECONDS = 30
"""How much longer than its own duration a subprocess may take."""


def steps(servers: RunningServers, plan: Plan, results: Results) -> Iterator[Step]:
    for number in range(plan.login_rounds):
        shown = f"({number + 1}/{plan.login_rounds})"
        seconds = plan.login_window
        baseline = partial(hash_alone, results, seconds)
        yield Step(f"bcrypt alone {shown}", seconds + 0.5, baseline)
        alone = partial(log_in_alone, servers, results, seconds)
        yield Step(f"logins, {SERVICE.name} {shown}", seconds + 3, alone)
        storm = partial(log_in_during_profiles, servers, results, seconds)
        yield Step(f"logins and profiles, {SERVICE.name} {shown}", seconds + 3, storm)
    for number in range(plan.latency_rounds):
        for one in (SERVICE, FASTAPI):
            name = f"during logins, {one.name} ({number + 1}/{plan.latency_rounds})"
            action = partial(measure_latency, servers, one.name, plan, results)
            yield Step(name, plan.idle + plan.login_load + QUEUE_FILL_SECONDS + 4, action)


def hash_alone(results: Results, seconds: int) -> None:
    results.bcrypt_baseline.append(float(run_module("bench.bcrypt_baseline", str(seconds))))


def log_in_alone(servers: RunningServers, results: Results, seconds: int) -> None:
    server = servers[SERVICE.name]
    with start_login_load(server, seconds) as process:
        load = wrk.check_load(wrk.wait_for_result(process, seconds), SERVICE.name)
    results.logins.append(load.served)
    settle(server.pid)


def log_in_during_profiles(servers: RunningServers, results: Results, seconds: int) -> None:
    server = servers[SERVICE.name]
    token = server.log_in().access
    with start_login_load(server, seconds) as process:
        wrk.check_load(wrk.get(server, CLIENTS, seconds, token), SERVICE.name)
        load = wrk.check_load(wrk.wait_for_result(process, seconds), SERVICE.name, allow_503=True)
    results.storm_logins.append(load.served)
    settle(server.pid)
    server.truncate_log()


def measure_latency(servers: RunningServers, name: str, plan: Plan, results: Results) -> None:
    server, latencies = servers[name], results.latencies[name]
    token = server.log_in().access
    settle(server.pid)
    latencies.idle += probe_latencies(server, token, plan.idle)
    seconds = QUEUE_FILL_SECONDS + plan.login_load
    with start_login_load(server, seconds) as process:
        time.sleep(QUEUE_FILL_SECONDS)
        # One second less than the load, so that a late start does not outlast it.
        latencies.under_logins += probe_latencies(server, token, plan.login_load - 1)
        load = wrk.check_load(wrk.wait_for_result(process, seconds), name, allow_503=True)
    latencies.logins.append(load.served)
    latencies.overloaded += load.overloaded
    settle(server.pid)
    server.truncate_log()


def start_login_load(server: Server, seconds: int) -> AbstractContextManager[subprocess.Popen[str]]:
    api = server.spec.api
    return wrk.start_posting(server, api.login, api.account, LOGIN_CLIENTS, seconds)


def probe_latencies(server: Server, token: str, seconds: int) -> list[float]:
    path = server.spec.api.profile
    shown = run_module("bench.probe", str(server.port), path, str(seconds), BENCH_TOKEN=token)
    latencies: list[float] = json.loads(shown)
    return latencies


def run_module(module: str, *arguments: str, **environment: str) -> str:
    """Run a module of the benchmark and return its output. Its last argument is its duration."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=float(arguments[-1]) + EXTRA_SECONDS,
        check=True,
    ).stdout
