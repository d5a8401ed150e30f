"""What a run measured."""

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench.processes import Memory


@dataclass(frozen=True)
class Window:
    """One window of load: requests a second, µs of processor time a request, p99 in ms."""

    rate: float
    cpu: float
    p99: float


def middle(windows: list[Window]) -> Window:
    """Return the medians: one disturbed window does not count."""
    return Window(
        *(median(getattr(one, name) for one in windows) for name in ("rate", "cpu", "p99"))
    )


def percentile(latencies: list[float], percent: float) -> float:
    """Return the least latency that so many percent do not exceed."""
    return quantiles(latencies, n=1000, method="inclusive")[round(percent * 10) - 1]


@dataclass
class Latencies:
    """A server's profile, in ms each, idle and in a storm of logins."""

    idle: list[float] = field(default_factory=list)
    storm: list[float] = field(default_factory=list)
    logins: list[float] = field(default_factory=list)
    """Logins a second in each storm."""
    overloaded: int = 0
    """Logins that were answered 503."""


@dataclass
class Results:
    """Keys are contestants' names."""

    profile: dict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))
    refresh: dict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))
    latencies: dict[str, Latencies] = field(default_factory=lambda: defaultdict(Latencies))
    raw_bcrypt: list[float] = field(default_factory=list)
    """Hashes a second of each window."""
    logins: list[float] = field(default_factory=list)
    """Logins a second of each window in which the service did nothing else."""
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds from the command to the first answer."""
    memory: dict[str, Memory] = field(default_factory=dict)
    token_pair: float = 0
    """Seconds."""
    threads: dict[int, list[Window]] = field(default_factory=lambda: defaultdict(list))
    users: dict[int, dict[str, float]] = field(default_factory=dict)
    """Seconds of a request and of the store's part in it, by the number of users."""
