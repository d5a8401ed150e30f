"""How long a run measures, and in which steps."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """Something to do, with its name for the progress bar and the seconds that it should take."""

    name: str
    seconds: float
    action: Callable[[], None]


@dataclass(frozen=True)
class Plan:
    """Times are in seconds. A run that exceeds `limit` is given up."""

    limit: int
    rounds: int
    window: int
    login_rounds: int
    login_window: int
    storm_rounds: int
    idle: int
    storm: int
    starts: int
    threads: tuple[int, ...]
    users: tuple[int, ...]


FULL = Plan(
    limit=600,
    rounds=5,
    window=2,
    login_rounds=3,
    login_window=10,
    storm_rounds=2,
    idle=10,
    storm=15,
    starts=5,
    threads=(1, 2, 4, 8, 16, 32),
    users=(100, 1_000, 10_000, 100_000, 1_000_000),
)
QUICK = Plan(
    limit=120,
    rounds=1,
    window=2,
    login_rounds=1,
    login_window=4,
    storm_rounds=1,
    idle=3,
    storm=5,
    starts=2,
    threads=(1, 8),
    users=(100, 10_000),
)
CLIENTS = 8
"""Connections of a throughput window."""
STORM_CLIENTS = 16
"""Clients that log in without pause."""
