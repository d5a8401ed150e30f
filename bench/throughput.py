"""Requests a second and the processor time of each, in alternating windows."""

from collections.abc import Callable, Iterator
from functools import partial

from bench import wrk
from bench.contestants import FASTAPI_COROUTINE, OVER_VALKEY, Contestant
from bench.plan import CLIENTS, Plan, Step
from bench.processes import cpu_seconds
from bench.results import Results, Window
from bench.servers import Arena, Server, Tokens

Asking = Callable[[Server, Tokens, int], wrk.Load]


def steps(
    arena: Arena, plan: Plan, results: Results, contestants: list[Contestant]
) -> Iterator[Step]:
    """Yield windows in the order A B C A B C …: a slow minute of the machine meets everyone."""
    profiled = [one for one in contestants if one is not FASTAPI_COROUTINE]  # the same profile
    refreshing = [one for one in contestants if one.api.refresh and one.name != OVER_VALKEY]
    for what, asking, asked, windows in (
        ("profile", profile, profiled, results.profile),
        ("refresh", refresh, refreshing, results.refresh),
    ):
        for number in range(plan.rounds):
            for one in asked:
                name = f"{what}, {one.name} ({number + 1}/{plan.rounds})"
                action = partial(measure, arena, one.name, asking, plan.window, windows)
                yield Step(name, plan.window + 1.4, action)


def measure(
    arena: Arena, name: str, asking: Asking, seconds: int, windows: dict[str, list[Window]]
) -> None:
    windows[name].append(window(arena[name], asking, seconds))


def window(server: Server, asking: Asking, seconds: int) -> Window:
    tokens = server.log_in()  # before the window: its bcrypt is none of the requests' cost
    asking(server, tokens, 1)  # warm again: others had the processor's caches since
    before = cpu_seconds(server.pid)
    load = wrk.checked(asking(server, tokens, seconds), server.contestant.name)
    cpu = cpu_seconds(server.pid) - before
    server.forget_log()
    return Window(load.served, cpu / load.requests * 1e6, load.p99)


def profile(server: Server, tokens: Tokens, seconds: int) -> wrk.Load:
    return wrk.get(server, CLIENTS, seconds, tokens.access)


def refresh(server: Server, tokens: Tokens, seconds: int) -> wrk.Load:
    api = server.contestant.api
    body = {api.refresh_field: tokens.refresh}
    with wrk.posting(server, api.refresh, body, CLIENTS, seconds) as process:
        return wrk.finished(process, seconds)
