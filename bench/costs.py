"""Starts, idle memory, a pair of tokens, and the cost of users and of threads."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import scale, throughput
from bench.contestants import DJOSER, FASTAPI, SERVICE, Contestant, on_threads
from bench.plan import Plan, Step
from bench.processes import ending, free_port, memory
from bench.results import Results
from bench.servers import Arena, prepare, running, start, wait_until_it_answers

STARTED = (SERVICE, FASTAPI, DJOSER)
START_SECONDS = 1
WARM_SECONDS = 1
BUILDING = 7e-6
"""Seconds to make one user: what a step with many of them takes, for the progress bar."""


def start_steps(folder: Path, plan: Plan, results: Results) -> Iterator[Step]:
    """Yield these first: a start is timed while nothing else runs."""
    for number in range(plan.starts):
        for one in STARTED:
            action = partial(time_start, one, folder, results)
            yield Step(f"start, {one.name} ({number + 1}/{plan.starts})", START_SECONDS, action)


def up_steps(arena: Arena, contestants: list[Contestant], results: Results) -> Iterator[Step]:
    """Start the servers that stay up, and weigh each while it is young."""
    for one in contestants:
        action = partial(bring_up, arena, one, results)
        yield Step(f"up: {one.name}", START_SECONDS + WARM_SECONDS, action)


def scale_steps(folder: Path, plan: Plan, results: Results) -> Iterator[Step]:
    yield Step("a pair of tokens", 2, partial(make_tokens, results))
    for threads in plan.threads:
        action = partial(count_threads, threads, folder, plan, results)
        yield Step(f"{threads} threads", START_SECONDS + plan.window + 2, action)
    for users in plan.users:
        action = partial(count_users, users, results)
        yield Step(f"{users:,} users", 2 + users * BUILDING, action)


def time_start(contestant: Contestant, folder: Path, results: Results) -> None:
    """Time from the command to the first answer, with the contestant's files as they are."""
    prepare(contestant, folder)
    port, log = free_port(), folder / "start.log"
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    began = time.perf_counter()
    process = start(contestant, folder, port, output)
    os.close(output)
    with ending(process):
        wait_until_it_answers(process, port, contestant, log)
        results.starts[contestant.name].append(time.perf_counter() - began)


def bring_up(arena: Arena, contestant: Contestant, results: Results) -> None:
    """Measure memory once some thousand requests have touched what requests touch."""
    server = arena.start(contestant)
    throughput.profile(server, server.log_in(), WARM_SECONDS)
    results.memory[contestant.name] = memory(server.pid)


def make_tokens(results: Results) -> None:
    results.token_pair = scale.apart("token_pair", 1)["pair"]


def count_threads(threads: int, folder: Path, plan: Plan, results: Results) -> None:
    with running(on_threads(threads), folder) as server:
        server.register()
        window = throughput.window(server, throughput.profile, plan.window)
        results.threads[threads].append(window)


def count_users(users: int, results: Results) -> None:
    results.users[users] = scale.apart("request_cost", users)
