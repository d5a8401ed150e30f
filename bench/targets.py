"""What the service promises, and whether a run kept it."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.contestants import DJOSER, FASTAPI, FASTAPI_QUIET, OVER_VALKEY, SERVICE
from bench.results import Results, middle, percentile

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "≥": operator.ge,
    "≤": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Target:
    """A value with what it must reach, and what it would be proud of, in the value's unit."""

    what: str
    value: float
    sign: str
    target: float
    moonshot: float
    unit: str = ""
    digits: int = 2
    measured: str = ""
    """What the value comes from, for the reader."""

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
    return [*speed(results), *storm(results), *small(results)]


def speed(results: Results) -> list[Target]:
    profile = {name: middle(windows) for name, windows in results.profile.items()}
    refresh = {name: middle(windows).rate for name, windows in results.refresh.items()}
    own, djoser = profile[SERVICE.name], profile[DJOSER.name]
    # Of FastAPI's two ways, whichever is harder to beat.
    fastapi = [profile[FASTAPI.name], profile[FASTAPI_QUIET.name]]
    rate, cpu = max(one.rate for one in fastapi), min(one.cpu for one in fastapi)
    refreshed = max(refresh[FASTAPI.name], refresh[FASTAPI_QUIET.name])
    rates = "profile, requests/s, against"
    return [
        ratio(f"{rates} FastAPI on uvicorn", (own.rate, rate), "≥", (1.3, 2)),
        ratio("CPU a profile request, against FastAPI's", (own.cpu, cpu), "≤", (0.75, 0.5), " µs"),
        ratio(f"{rates} djoser on gunicorn", (own.rate, djoser.rate), "≥", (12, 20)),
        ratio(
            "refresh, requests/s, against FastAPI",
            (refresh[SERVICE.name], refreshed),
            "≥",
            (1.5, 2.5),
        ),
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


def storm(results: Results) -> list[Target]:
    raw, alone = median(results.raw_bcrypt), median(results.logins)
    own, fastapi = results.latencies[SERVICE.name], results.latencies[FASTAPI.name]
    idle, stormy = percentile(own.idle, 99), percentile(own.storm, 99)
    theirs = f"FastAPI's: {percentile(fastapi.storm, 99):.1f} ms"
    logins = (median(own.logins), raw)
    what = "profile p99 while 16 clients log in without pause"
    return [
        ratio(
            "logins/s against bcrypt alone on all cores", (alone, raw), "≥", (0.95, 0.98), digits=2
        ),
        ratio(f"{what}, against its own idle p99", (stormy, idle), "≤", (3, 2), " ms", digits=1),
        Target(f"{what}, in ms", stormy, "<", 15, 8, " ms", 1, theirs),
        ratio("logins/s during that, against bcrypt alone", logins, "≥", (0.6, 0.8), digits=2),
    ]


def small(results: Results) -> list[Target]:
    memory = results.memory[SERVICE.name]
    start = median(results.starts[SERVICE.name])
    rates = [middle(results.profile[name]).rate for name in (OVER_VALKEY, SERVICE.name)]
    rss = f"RSS {memory.rss:.0f} MiB"
    what = "profile over Valkey, one worker, against the memory store"
    return [
        Target("token creation, a pair", results.token_pair * 1000, "<", 0.2, 0.1, " ms", 3),
        Target("start to first answer", start, "<", 1.0, 0.6, " s"),
        Target("idle memory (PSS)", memory.pss, "<", 90, 70, " MiB", 0, rss),
        ratio(what, (rates[0], rates[1]), "≥", (0.5, 0.7)),
    ]
