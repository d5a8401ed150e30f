"""Measures starts, idle memory, creating tokens, and the cost of users and threads."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import compaction, scale, throughput
from bench.plan import Plan, Step
from bench.processes import free_port, memory, terminate_at_exit
from bench.results import Results
from bench.servers import RunningServers, prepare, running, start, wait_until_up
from bench.servers_under_test import DJOSER, FASTAPI, SERVICE, ServerSpec, on_threads

STARTED = (SERVICE, FASTAPI, DJOSER)
START_SECONDS = 1
WARM_SECONDS = 1
SECONDS_PER_USER = 7e-6
"""How long it takes to create one user, for the progress bar."""
SECONDS_PER_USER_COMPACTED = 40e-6
"""To write one, to load it, and to write it again."""


def start_steps(folder: Path, plan: Plan, results: Results) -> Iterator[Step]:
    """Yield the steps that must come first: nothing else may run during a start."""
    for number in range(plan.starts):
        for one in STARTED:
            action = partial(time_start, one, folder, results)
            yield Step(f"start, {one.name} ({number + 1}/{plan.starts})", START_SECONDS, action)


def server_steps(
    servers: RunningServers, specs: list[ServerSpec], results: Results
) -> Iterator[Step]:
    """Start the servers that keep running, and measure the memory of each."""
    for one in specs:
        action = partial(start_and_weigh, servers, one, results)
        yield Step(f"start and memory, {one.name}", START_SECONDS + WARM_SECONDS, action)


def scale_steps(folder: Path, plan: Plan, results: Results) -> Iterator[Step]:
    yield Step("a pair of tokens", 2, partial(make_tokens, results))
    for threads in plan.threads:
        action = partial(count_threads, threads, folder, plan, results)
        yield Step(f"{threads} threads", START_SECONDS + plan.window + 2, action)
    for users in plan.users:
        action = partial(count_users, users, results)
        yield Step(f"{users:,} users", 2 + users * SECONDS_PER_USER, action)
    users = max(plan.users)
    seconds = compaction.BASELINE_SECONDS + users * SECONDS_PER_USER_COMPACTED
    yield Step(f"a compaction of {users:,} users", seconds, partial(compact, users, results))


def compact(users: int, results: Results) -> None:
    results.compaction = (users, *compaction.get_longest_changes(users))


def time_start(spec: ServerSpec, folder: Path, results: Results) -> None:
    """Measure the time from the command to the first response."""
    prepare(spec, folder)
    port, log = free_port(), folder / "start.log"
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    began = time.perf_counter()
    process = start(spec, folder, port, output)
    os.close(output)
    with terminate_at_exit(process):
        wait_until_up(process, port, spec, log)
        results.starts[spec.name].append(time.perf_counter() - began)


def start_and_weigh(servers: RunningServers, spec: ServerSpec, results: Results) -> None:
    """Measure memory after some thousand requests."""
    server = servers.start(spec)
    throughput.profile(server, server.log_in(), WARM_SECONDS)
    results.memory[spec.name] = memory(server.pid)


def make_tokens(results: Results) -> None:
    results.token_pair = scale.run_in_subprocess("token_pair", 1)["pair"]


def count_threads(threads: int, folder: Path, plan: Plan, results: Results) -> None:
    with running(on_threads(threads), folder) as server:
        server.register()
        window = throughput.window(server, throughput.profile, plan.window)
        results.threads[threads].append(window)


def count_users(users: int, results: Results) -> None:
    results.users[users] = scale.run_in_subprocess("request_cost", users)
