"""What Prometheus is told. Imported only where `METRICS` is on.

With several workers each keeps its numbers in files of a folder (`PROMETHEUS_MULTIPROC_DIR`, which
`serve` makes before this module is imported), and whichever answers `/metrics` adds them up.
"""

import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import prometheus_client as prometheus
from django.core.signals import got_request_exception
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts.domain.errors import (
    InvalidTokenSignature,
    StoreUnavailable,
    TokenError,
    TokenExpired,
    TokenInvalid,
    TokenReused,
    TokenRevoked,
    UnknownKeyID,
    WrongTokenType,
)
from accounts.domain.interfaces import AccountStore
from accounts.services import get_services
from accounts.signals import password_hash_queue_changed, password_hashed
from authproject.server.environ import KNOWN_METHODS
from authproject.server.routes import routes

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PROTECTED = "/api/v1/protected/"
STARTED = time.time()
"""With several workers that is their parent's time: it imports this module before it forks."""

INITIAL_OUTCOMES = ("success", "store_unavailable", "overloaded")
"""A rate needs a counter's zero: what shows up with its first 1 has not grown, for Prometheus."""

TOKEN_ERRORS: tuple[type[TokenError], ...] = (
    TokenInvalid,
    UnknownKeyID,
    InvalidTokenSignature,
    WrongTokenType,
    TokenExpired,
    TokenRevoked,
    TokenReused,
)

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types for it

auth_requests = prometheus.Counter(
    "auth_requests_total",
    "Requests to the API by operation and outcome: success, or the error's code",
    ["operation", "outcome"],
)
tokens_refused = prometheus.Counter(
    "auth_tokens_refused_total", "Tokens that were refused, by reason", ["reason"]
)
http_request_duration = prometheus.Histogram(
    "http_request_duration_seconds",
    "Time from a request's arrival in Django to its response",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
http_unhandled_exceptions = prometheus.Counter(
    "http_unhandled_exceptions_total", "Bugs: exceptions that were answered 500 server_error"
)
worker_restarts = prometheus.Counter(
    "auth_worker_restarts_total", "Workers that took a dead one's place, since the service started"
)
auth_password_hash = prometheus.Histogram(
    "auth_password_hash_seconds",
    "Time that one bcrypt hash took, without its waiting",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
auth_password_hash_queue = prometheus.Gauge(
    "auth_password_hash_queue", "Hashes that wait for a thread", multiprocess_mode="livesum"
)


for refusal in TOKEN_ERRORS:
    tokens_refused.labels(refusal.reason)


class ServiceCollector(Collector):
    """What is true at the moment that somebody asks."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        services = get_services()
        store = services.accounts.store
        yield GaugeMetricFamily("auth_store_up", "Whether the store answers", value=_is_up(store))
        yield GaugeMetricFamily(
            "auth_clock_seconds", "What this service takes the time to be", value=services.clock()
        )
        count = store.count_users()
        if count is not None:
            yield GaugeMetricFamily("auth_users", "Accounts in the store", value=count)

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # Registering must not open the store.


class StartCollector(Collector):
    """When the service started, under the name that the library gives it in a single process."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "process_start_time_seconds", "When the service started", value=STARTED
        )

    def describe(self) -> list[GaugeMetricFamily]:
        return []


prometheus.REGISTRY.register(ServiceCollector())


class RequestMetrics:
    """Counts requests."""

    def __init__(self) -> None:
        # By path, so that requests count that were refused before their route was resolved.
        self._operations = get_operations()
        for operation in {*self._operations.values(), "access"}:
            for outcome in INITIAL_OUTCOMES:
                _outcome(operation, outcome)

    def __call__(
        self,
        *,
        method: str,
        path: str,
        route: str | None,
        status: int,
        outcome: str,
        refused: TokenError | None,
        seconds: float,
    ) -> None:
        """Count a request. `outcome` is `success` or the error's code."""
        method = method if method in KNOWN_METHODS else "other"
        # What is outside the contract's routes shares one label: nobody may invent any.
        _duration(method, route or "unmatched", status).observe(seconds)
        operation = self._operations.get(path) if method == "POST" else None
        if operation is None and path.startswith(PROTECTED) and route and method != "OPTIONS":
            operation = "access"
        if operation is not None:
            _outcome(operation, outcome).inc()
        if refused is not None:
            tokens_refused.labels(refused.reason).inc()


def get_operations() -> dict[str, str]:
    """Return the `operation` label of each path that counts as one, for POST requests."""
    labels = {route.path: _get_operation(route.name) for route in routes()}
    return {path: label for path, label in labels.items() if label}


def _get_operation(route_name: str) -> str | None:
    """Return `logout_all` for `auth-logout-all`, `login` for `rest_framework:login`."""
    for prefix in ("auth-", "rest_framework:"):
        if route_name.startswith(prefix):
            return route_name.removeprefix(prefix).replace("-", "_")
    return None


def render_metrics() -> bytes:
    """Return all metrics in Prometheus's text format."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return prometheus.generate_latest()
    registry = prometheus.CollectorRegistry()
    registry.register(ServiceCollector())
    registry.register(StartCollector())
    _forget_dead_workers(Path(folder))
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types for it
    return prometheus.generate_latest(registry)


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
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)  # another scrape may do the same


def _is_up(store: AccountStore) -> int:
    try:
        store.ping()
    except StoreUnavailable:
        return 0
    return 1


def _count_bug(**kwargs: Any) -> None:
    http_unhandled_exceptions.inc()


def _count_waiting(change: int, **kwargs: Any) -> None:
    auth_password_hash_queue.inc(change)


def _time_hash(seconds: float, **kwargs: Any) -> None:
    auth_password_hash.observe(seconds)


got_request_exception.connect(_count_bug, dispatch_uid="authproject.monitoring.metrics")
password_hash_queue_changed.connect(_count_waiting, dispatch_uid="authproject.monitoring.metrics")
password_hashed.connect(_time_hash, dispatch_uid="authproject.monitoring.metrics")
