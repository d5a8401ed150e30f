"""The performance targets, and whether a run met them."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.results import Results, median_window, percentile
from bench.servers_under_test import (
    DJOSER,
    FASTAPI,
    FASTAPI_COROUTINE,
    FASTAPI_QUIET,
    OVER_VALKEY,
    SERVICE,
    TWO_WORKERS,
)

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "≥": operator.ge,
    "≤": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Target:
    """A measured value with its target and its ambitious target (moonshot), in the same unit."""

    what: str
    value: float
    sign: str
    target: float
    moonshot: float
    unit: str = ""
    digits: int = 2
    measured: str = ""
    """The values that a ratio was computed from."""

    @property
    def verdict(self) -> str:
        meets = COMPARE[self.sign]
        if meets(self.value, self.moonshot):
            return "moonshot"
        return "yes" if meets(self.value, self.target) else "**no**"

    def row(self) -> tuple[str, str, str, str, str]:
        shown = f"{self.value:.{self.digits}f}{self.unit}"
        measured = f"{shown} ({self.measured})" if self.measured else shown
        return (
            self.what,
            measured,
            self._bound(self.target),
            self._bound(self.moonshot),
            self.verdict,
        )

    def _bound(self, bound: float) -> str:
        return f"{self.sign} {bound:g}{self.unit}"


def targets(results: Results) -> list[Target]:
    return [*speed(results), *during_logins(results), *costs(results)]


def speed(results: Results) -> list[Target]:
    profile = {name: median_window(windows) for name, windows in results.profile.items()}
    refresh = {name: median_window(windows).rate for name, windows in results.refresh.items()}
    own, djoser = profile[SERVICE.name], profile[DJOSER.name]
    # The better of the two FastAPI variants.
    fastapi = [profile[FASTAPI.name], profile[FASTAPI_QUIET.name]]
    rate, cpu = max(one.rate for one in fastapi), min(one.cpu for one in fastapi)
    function = max(refresh[FASTAPI.name], refresh[FASTAPI_QUIET.name])
    coroutine = refresh[FASTAPI_COROUTINE.name]
    rates, refreshes = "profile, requests/s, against", "refresh, requests/s, against FastAPI's"
    return [
        ratio(f"{rates} FastAPI on uvicorn", (own.rate, rate), "≥", (1.8, 2.2)),
        ratio("CPU a profile request, against FastAPI's", (own.cpu, cpu), "≤", (0.65, 0.5), " µs"),
        ratio(f"{refreshes} coroutine", (refresh[SERVICE.name], coroutine), "≥", (1.4, 2)),
        ratio(f"{refreshes} plain function", (refresh[SERVICE.name], function), "≥", (1.5, 2.5)),
        ratio(f"{rates} djoser on gunicorn", (own.rate, djoser.rate), "≥", (18, 25)),
    ]


def ratio(
    what: str,
    values: tuple[float, float],
    sign: str,
    bounds: tuple[float, float],
    unit: str = "",
    *,
    digits: int = 0,
) -> Target:
    own, reference = values
    measured = f"{own:,.{digits}f} to {reference:,.{digits}f}{unit}"
    return Target(what, own / reference, sign, *bounds, measured=measured)


def during_logins(results: Results) -> list[Target]:
    baseline, alone = median(results.bcrypt_baseline), median(results.logins)
    own, fastapi = results.latencies[SERVICE.name], results.latencies[FASTAPI.name]
    idle, busy = percentile(own.idle, 99), percentile(own.under_logins, 99)
    theirs = f"FastAPI's: {percentile(fastapi.under_logins, 99):.1f} ms"
    logins, storm = (median(own.logins), baseline), (median(results.storm_logins), baseline)
    what = "profile p99 while 16 clients log in without pause"
    return [
        ratio(
            "logins/s against bcrypt alone on all cores",
            (alone, baseline),
            "≥",
            (0.95, 0.98),
            digits=2,
        ),
        ratio(f"{what}, against its own idle p99", (busy, idle), "≤", (3, 2), " ms", digits=1),
        Target(f"{what}, in ms", busy, "<", 15, 8, " ms", 1, theirs),
        ratio("logins/s during that, against bcrypt alone", logins, "≥", (0.6, 0.8), digits=2),
        ratio(
            "logins/s beside 8 clients that request the profile without pause",
            storm,
            "≥",
            (0.8, 0.9),
            digits=2,
        ),
    ]


def costs(results: Results) -> list[Target]:
    memory = results.memory[SERVICE.name]
    start = median(results.starts[SERVICE.name])
    rss = f"RSS {memory.rss:.0f} MiB"
    one, two, memory_store = (
        median_window(results.profile[name]).rate
        for name in (OVER_VALKEY, TWO_WORKERS, SERVICE.name)
    )
    over_valkey = "profile over Valkey"
    users, without, during = results.compaction
    compaction = f"longest change while a file of {users:,} users is compacted"
    return [
        Target("token creation, a pair", results.token_pair * 1000, "<", 0.2, 0.1, " ms", 3),
        Target("start to first response", start, "<", 1.0, 0.6, " s"),
        Target("idle memory (PSS)", memory.pss, "≤", 65, 55, " MiB", 0, rss),
        ratio(f"{over_valkey}, one worker, against memory", (one, memory_store), "≥", (0.7, 0.8)),
        ratio(f"{over_valkey}, two workers, against one", (two, one), "≥", (1.6, 1.8)),
        Target(
            compaction, during, "≤", 50, 20, " ms", 1, f"without a compaction: {without:.1f} ms"
        ),
    ]
