"""Measures requests a second and CPU time a request, in alternating windows."""

from collections.abc import Callable, Iterator
from functools import partial

from bench import wrk
from bench.plan import CLIENTS, Plan, Step
from bench.processes import cpu_seconds
from bench.results import Results, Window
from bench.servers import RunningServers, Server, Tokens
from bench.servers_under_test import FASTAPI_COROUTINE, OVER_VALKEY, TWO_WORKERS, ServerSpec

SHARED_STORE = (OVER_VALKEY, TWO_WORKERS)

SendLoad = Callable[[Server, Tokens, int], wrk.Load]


def steps(
    servers: RunningServers, plan: Plan, results: Results, specs: list[ServerSpec]
) -> Iterator[Step]:
    """Yield windows in the order A B C A B C …, so that a slow minute affects every server."""
    profiled = [one for one in specs if one is not FASTAPI_COROUTINE]  # the same profile
    refreshing = [one for one in specs if one.api.refresh and one.name not in SHARED_STORE]
    for what, send_load, measured, windows in (
        ("profile", profile, profiled, results.profile),
        ("refresh", refresh, refreshing, results.refresh),
    ):
        for number in range(plan.rounds):
            for one in measured:
                name = f"{what}, {one.name} ({number + 1}/{plan.rounds})"
                action = partial(measure, servers, one.name, send_load, plan.window, windows)
                yield Step(name, plan.window + 1.4, action)


def measure(
    servers: RunningServers,
    name: str,
    send_load: SendLoad,
    seconds: int,
    windows: dict[str, list[Window]],
) -> None:
    windows[name].append(window(servers[name], send_load, seconds))


def window(server: Server, send_load: SendLoad, seconds: int) -> Window:
    tokens = server.log_in()  # before the window, so that bcrypt is not counted
    send_load(server, tokens, 1)  # warm up: other servers have used the CPU's caches since
    before = cpu_seconds(server.pid)
    load = wrk.check_load(send_load(server, tokens, seconds), server.spec.name)
    cpu = cpu_seconds(server.pid) - before
    server.truncate_log()
    return Window(load.served, cpu / load.requests * 1e6, load.p99)


def profile(server: Server, tokens: Tokens, seconds: int) -> wrk.Load:
    return wrk.get(server, CLIENTS, seconds, tokens.access)


def refresh(server: Server, tokens: Tokens, seconds: int) -> wrk.Load:
    api = server.spec.api
    body = {api.refresh_field: tokens.refresh}
    with wrk.start_posting(server, api.refresh, body, CLIENTS, seconds) as process:
        return wrk.wait_for_result(process, seconds)
