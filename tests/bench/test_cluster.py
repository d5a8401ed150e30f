"""The simulation of `bench.cluster`, against what was measured and against the service's queue."""

import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from accounts.domain.errors import HashingOverloaded
from accounts.passwords.executor import HashingExecutor
from bench.cluster import (
    RESULTS,
    Cluster,
    Demand,
    Machine,
    make_arrivals,
    read_measured,
    simulate_arrivals,
    simulate_clients,
)
from bench.plan import LOGIN_CLIENTS
from tests.support.valkey import wait_until

MEASURED = json.loads(RESULTS.read_text(encoding="utf-8"))
MEASURED_CORES = 2
QUIET = 0.1
"""A share of the CPU. With more for other processes, the measured rates are too low."""


def build_cluster(users: int, machines: int = 2) -> Cluster:
    return Cluster(Demand(users, 0.1, 20, 0.2), machines, 2, read_measured("Valkey", 2))


@pytest.mark.parametrize("row", MEASURED["rows"], ids=lambda row: f"{row['store']}{row['workers']}")
def test_simulated_logins_are_the_measured_ones(row: dict[str, dict[str, float]]) -> None:
    machine = Machine(MEASURED_CORES, row["logins"]["cpu"])
    simulated = simulate_clients(machine, LOGIN_CLIENTS, 60)
    lowest = 0.85 if MEASURED["other processes"] < QUIET else 0.0
    assert lowest * simulated <= row["logins"]["rate"] <= 1.15 * simulated


def test_simulated_queue_accepts_as_many_as_the_service() -> None:
    machine = Machine(2, 0.25)
    simulated = [machine.accept(0.0) for _ in range(50)]
    with full_executor(threads=2, estimate=0.25) as accepted:
        assert sum(finish is not None for finish in simulated) == accepted == 25


@contextmanager
def full_executor(threads: int, estimate: float) -> Iterator[int]:
    """Yield how many of fifty hashes an executor accepts at once."""
    release, refused = threading.Event(), []
    executor = HashingExecutor(threads=threads, first_estimate=estimate)

    def hash_once() -> None:
        try:
            executor.run(release.wait)
        except HashingOverloaded:
            refused.append(1)

    with ThreadPoolExecutor(50) as clients:
        done = [clients.submit(hash_once) for _ in range(50)]
        wait_until(lambda: sum(one.done() for one in done) + executor._pending == 50)
        yield executor._pending
        release.set()


def test_idle_machine_takes_one_hash_for_a_login() -> None:
    outcome = simulate_arrivals([Machine(2, 0.25)], range(100))
    assert outcome.refused_share == 0
    assert outcome.get_percentile(99) == pytest.approx(0.25)


def test_double_load_refuses_half() -> None:
    arrivals = make_arrivals(16, 600, random.Random(1))
    outcome = simulate_arrivals([Machine(2, 0.25)], arrivals)
    assert outcome.refused_share == pytest.approx(0.5, abs=0.05)
    assert outcome.get_percentile(99) < 3.5


def test_ten_times_the_users_need_ten_times_the_machines() -> None:
    one, ten = build_cluster(1_000_000), build_cluster(10_000_000)
    assert ten.needed_machines == pytest.approx(10 * one.needed_machines, abs=10)
    assert ten.store_gigabytes == pytest.approx(10 * one.store_gigabytes)


def test_needed_machines_refuse_no_login() -> None:
    needed = build_cluster(5_000_000).needed_machines
    outcome = build_cluster(5_000_000, needed).simulate()
    assert outcome is not None
    assert outcome.refused_share < 0.001


def test_machines_busy_with_requests_simulate_nothing() -> None:
    assert build_cluster(100_000_000, 1).simulate() is None
