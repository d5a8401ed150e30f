"""`python -m bench.cluster USERS MACHINES [--cores 2] …`: what so many users need.

Calculates from bench/capacity.json, which `python -m bench.capacity` measures, and simulates the
queue of logins. docs/operate/capacity.md explains it.
"""

import argparse
import heapq
import json
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

from bench.servers_under_test import ROOT

RESULTS = ROOT / "bench" / "capacity.json"

MAX_WAIT_SECONDS = 3.0
"""A login that would wait longer is 503, as in `accounts/passwords/executor.py`."""

RETRY_SECONDS = 0.005
"""What a client of the benchmark needs for a response of 503."""

SIMULATED_SECONDS = 3_600
BUSY = 0.7
"""The share of a core's time that is planned for. The rest is for peaks and for a lost machine."""

USER_BYTES, SESSION_BYTES = 271, 278
"""Measured in Valkey: a user, and a session that was rotated or revoked."""


@dataclass
class Machine:
    """The hashing threads of a machine: one per core, behind a bounded queue."""

    cores: int
    hash_seconds: float
    _finishes: list[float] = field(default_factory=list)

    def accept(self, now: float) -> float | None:
        """Return when a login that comes now is finished, or `None` if it is refused."""
        while self._finishes and self._finishes[0] <= now:
            heapq.heappop(self._finishes)
        pending = len(self._finishes)
        if pending * self.hash_seconds / self.cores > MAX_WAIT_SECONDS:
            return None
        starts = now if pending < self.cores else sorted(self._finishes)[pending - self.cores]
        heapq.heappush(self._finishes, starts + self.hash_seconds)
        return starts + self.hash_seconds


@dataclass
class Outcome:
    """What clients saw. The latencies are of the logins that were not refused."""

    refused: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def refused_share(self) -> float:
        return self.refused / max(1, self.refused + len(self.latencies))

    def get_percentile(self, percent: int) -> float:
        return quantiles(self.latencies, n=100)[percent - 1] if len(self.latencies) > 1 else 0.0


def simulate_arrivals(machines: list[Machine], arrivals: Iterable[float]) -> Outcome:
    """Send each login to the next machine in turn, as nginx does."""
    outcome = Outcome()
    for number, now in enumerate(arrivals):
        finish = machines[number % len(machines)].accept(now)
        if finish is None:
            outcome.refused += 1
        else:
            outcome.latencies.append(finish - now)
    return outcome


def simulate_clients(machine: Machine, clients: int, seconds: float) -> float:
    """Return the logins a second of clients that log in without pause, as in `bench.capacity`."""
    finished, ready = 0, [0.0] * clients
    while (now := heapq.heappop(ready)) < seconds:
        finish = machine.accept(now)
        finished += finish is not None and finish <= seconds
        heapq.heappush(ready, finish or now + RETRY_SECONDS)
    return finished / seconds


def make_arrivals(rate: float, seconds: float, chosen: random.Random) -> Iterable[float]:
    """Yield the times of independent logins, `rate` a second on average."""
    now = chosen.expovariate(rate)
    while now < seconds:
        yield now
        now += chosen.expovariate(rate)


@dataclass(frozen=True)
class Demand:
    """What users do in the busiest hour."""

    users: int
    active: float
    """The share of the users that is there."""
    requests: float
    """Requests of an active user in the hour."""
    logins: float
    """Logins of an active user in the hour."""

    @property
    def requests_per_second(self) -> float:
        return self.users * self.active * self.requests / 3_600

    @property
    def logins_per_second(self) -> float:
        return self.users * self.active * self.logins / 3_600


@dataclass(frozen=True)
class Cluster:
    """The need of a demand, and what so many machines make of it."""

    demand: Demand
    machines: int
    cores: int
    measured: dict[str, Any]

    @property
    def request_cores(self) -> float:
        return self.demand.requests_per_second * float(self.measured["requests"]["cpu"])

    @property
    def login_cores(self) -> float:
        return self.demand.logins_per_second * float(self.measured["logins"]["cpu"])

    @property
    def store_cores(self) -> float:
        """Cores of Valkey, which uses one for each node."""
        return sum(
            rate * float(self.measured[kind]["store_cpu"])
            for rate, kind in (
                (self.demand.requests_per_second, "requests"),
                (self.demand.logins_per_second, "logins"),
            )
        )

    @property
    def store_gigabytes(self) -> float:
        """Twice the data: a snapshot copies what changes meanwhile."""
        return 2 * self.demand.users * (USER_BYTES + SESSION_BYTES) / 1e9

    @property
    def needed_machines(self) -> int:
        return math.ceil((self.request_cores + self.login_cores) / (BUSY * self.cores))

    @property
    def needed_nodes(self) -> int:
        return math.ceil(self.store_cores / BUSY)

    def simulate(self) -> Outcome | None:
        """Simulate the logins of an hour; `None` if the requests alone take every core."""
        left = 1 - self.request_cores / (self.machines * self.cores)
        if left <= 0:
            return None
        # Hashes have a lower priority than requests, which leave this share of each core.
        seconds = float(self.measured["logins"]["cpu"]) / left
        machines = [Machine(self.cores, seconds) for _ in range(self.machines)]
        rate = self.demand.logins_per_second
        return simulate_arrivals(machines, make_arrivals(rate, SIMULATED_SECONDS, random.Random(1)))


def read_measured(store: str, workers: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    [row] = [row for row in rows if (row["store"], row["workers"]) == (store, workers)]
    return row


def describe(cluster: Cluster) -> list[tuple[str, str]]:
    demand, outcome = cluster.demand, cluster.simulate()
    return [
        ("requests in the busiest hour", f"{demand.requests_per_second:,.1f} a second"),
        ("logins in it", f"{demand.logins_per_second:,.1f} a second"),
        ("cores busy with requests", f"{cluster.request_cores:,.2f}"),
        ("cores busy with hashes", f"{cluster.login_cores:,.2f}"),
        ("machines that are enough", f"{cluster.needed_machines} ({BUSY:.0%} busy)"),
        ("Valkey: primaries that are enough", f"{cluster.needed_nodes}"),
        ("Valkey: memory of all primaries", f"{cluster.store_gigabytes:,.1f} GB"),
        (f"with {cluster.machines} machines: logins refused", describe_refused(outcome)),
        ("the slowest login of a hundred", describe_latency(outcome)),
    ]


def describe_refused(outcome: Outcome | None) -> str:
    return "all" if outcome is None else f"{outcome.refused_share:.2%}"


def describe_latency(outcome: Outcome | None) -> str:
    return "" if outcome is None else f"{outcome.get_percentile(99):.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("users", type=int)
    parser.add_argument("machines", type=int)
    parser.add_argument("--cores", type=int, default=2, help="of a machine; by default 2")
    parser.add_argument("--active", type=float, default=0.1, help="share of the users; 0.1")
    parser.add_argument("--requests", type=float, default=20, help="of an active user an hour; 20")
    parser.add_argument("--logins", type=float, default=0.2, help="of an active user an hour; 0.2")
    given = parser.parse_args()
    demand = Demand(given.users, given.active, given.requests, given.logins)
    cluster = Cluster(demand, given.machines, given.cores, read_measured("Valkey", 2))
    for name, value in describe(cluster):
        print(f"{name:40} {value}")


if __name__ == "__main__":
    main()
