"""What Prometheus is told. Imported only where `METRICS` is on.

With several workers each keeps its numbers in files of a folder (`PROMETHEUS_MULTIPROC_DIR`, which
`serve` makes before this module is imported), and whichever answers `/metrics` adds them up.
"""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts.runtime import get_runtime
from accounts.signals import password_hash_waits, password_hashed

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ERRORS = 400

# By path and method: what is refused before its view was found counts too, a preflight does not.
OPERATIONS = {
    ("POST", f"/api/v1/auth/{name}"): name.replace("-", "_")
    for name in ("register", "login", "refresh", "logout", "logout-all", "password")
}
PROTECTED = "/api/v1/protected/"

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types for it

auth_requests = prometheus.Counter(
    "auth_requests_total",
    "Requests to the API by operation and outcome: success, or the error's code",
    ["operation", "outcome"],
)
http_request_duration = prometheus.Histogram(
    "http_request_duration_seconds",
    "Time from a request's arrival in Django to its response",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
auth_password_hash = prometheus.Histogram(
    "auth_password_hash_seconds",
    "Time that one bcrypt hash took, without its waiting",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
auth_password_hash_queue = prometheus.Gauge(
    "auth_password_hash_queue", "Hashes that wait for a thread", multiprocess_mode="livesum"
)


class UsersCollector(Collector):
    """`auth_users`, counted when asked, where the store can tell cheaply."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        count = get_runtime().service.store.count_users()
        if count is not None:
            yield GaugeMetricFamily("auth_users", "Accounts in the store", value=count)

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # Registering must not open the store.


prometheus.REGISTRY.register(UsersCollector())


def observe_request(
    *, method: str, path: str, route: str | None, status: int, data: Any, seconds: float
) -> None:
    """Count a request. `data` is its response's body before it was rendered."""
    method = method if method in METHODS else "other"
    # What is outside the contract's routes shares one label: nobody may invent any.
    _duration(method, route or "unmatched", status).observe(seconds)
    operation = OPERATIONS.get((method, path))
    if operation is None and path.startswith(PROTECTED) and route and method != "OPTIONS":
        operation = "access"
    if operation is not None:
        _outcome(operation, _outcome_of(status, data)).inc()


def exposition() -> bytes:
    """Return all metrics in Prometheus's text format."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return prometheus.generate_latest()
    registry = prometheus.CollectorRegistry()
    _forget_dead_workers(Path(folder))
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types for it
    return prometheus.generate_latest(registry)


def _outcome_of(status: int, data: Any) -> str:
    if status < ERRORS:
        return "success"
    return str(data.get("code", "error")) if isinstance(data, Mapping) else "error"


# One lookup instead of the library's three; the labels bound it.
@cache
def _duration(method: str, route: str, status: int) -> prometheus.Histogram:
    return http_request_duration.labels(method, route, str(status))


@cache
def _outcome(operation: str, outcome: str) -> prometheus.Counter:
    return auth_requests.labels(operation, outcome)


def _forget_dead_workers(folder: Path) -> None:
    # A worker that was killed leaves the hashes that it had waiting.
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            file.unlink(missing_ok=True)  # another scrape may do the same


def _count_waiting(change: int, **kwargs: Any) -> None:
    auth_password_hash_queue.inc(change)


def _time_hash(seconds: float, **kwargs: Any) -> None:
    auth_password_hash.observe(seconds)


password_hash_waits.connect(_count_waiting, dispatch_uid="authproject.metrics")
password_hashed.connect(_time_hash, dispatch_uid="authproject.metrics")
