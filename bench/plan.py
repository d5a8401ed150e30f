"""The durations of a run."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One part of a run: its name, its expected seconds, and what to do."""

    name: str
    seconds: float
    action: Callable[[], None]


@dataclass(frozen=True)
class Plan:
    """All times are in seconds. A run that would exceed `limit` fails."""

    limit: int
    rounds: int
    window: int
    login_rounds: int
    login_window: int
    latency_rounds: int
    idle: int
    login_load: int
    starts: int
    threads: tuple[int, ...]
    users: tuple[int, ...]


FULL = Plan(
    limit=720,
    rounds=5,
    window=2,
    login_rounds=3,
    login_window=10,
    latency_rounds=2,
    idle=10,
    login_load=15,
    starts=5,
    threads=(1, 2, 4, 8, 16, 32),
    users=(100, 1_000, 10_000, 100_000, 1_000_000),
)
QUICK = Plan(
    limit=180,
    rounds=1,
    window=2,
    login_rounds=1,
    login_window=4,
    latency_rounds=1,
    idle=3,
    login_load=5,
    starts=2,
    threads=(1, 8),
    users=(100, 10_000),
)
CLIENTS = 8
"""Connections that measure throughput."""
LOGIN_CLIENTS = 16
"""Clients that log in without pause while latency is measured."""
