"""The measurements of a run."""

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench.processes import Memory


@dataclass(frozen=True)
class Window:
    """One window of load: requests a second, CPU µs a request, p99 in ms."""

    rate: float
    cpu: float
    p99: float


def median_window(windows: list[Window]) -> Window:
    """Return the median of each value, so that one disturbed window does not matter."""
    return Window(
        *(median(getattr(one, name) for one in windows) for name in ("rate", "cpu", "p99"))
    )


def percentile(latencies: list[float], percent: float) -> float:
    """Return the percentile of latencies, in their unit."""
    return quantiles(latencies, n=1000, method="inclusive")[round(percent * 10) - 1]


@dataclass
class Latencies:
    """Latencies of a server's profile in ms, idle and during logins."""

    idle: list[float] = field(default_factory=list)
    under_logins: list[float] = field(default_factory=list)
    logins: list[float] = field(default_factory=list)
    """Logins a second meanwhile, for each round."""
    overloaded: int = 0
    """Logins that got 503."""


@dataclass
class Results:
    """Keys are the names of the servers."""

    profile: dict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))
    refresh: dict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))
    latencies: dict[str, Latencies] = field(default_factory=lambda: defaultdict(Latencies))
    bcrypt_baseline: list[float] = field(default_factory=list)
    """Hashes a second, for each window."""
    logins: list[float] = field(default_factory=list)
    """Logins a second without other requests, for each window."""
    storm_logins: list[float] = field(default_factory=list)
    """Logins a second beside a profile load without pause, for each window."""
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds from the command to the first response."""
    memory: dict[str, Memory] = field(default_factory=dict)
    token_pair: float = 0
    """Seconds."""
    threads: dict[int, list[Window]] = field(default_factory=lambda: defaultdict(list))
    users: dict[int, dict[str, float]] = field(default_factory=dict)
    """Seconds of a request, and of the store's lookup in it, by number of users."""
    compaction: tuple[int, float, float] = (0, 0, 0)
    """Users, and the ms of the longest change without a compaction, and of that during one."""
