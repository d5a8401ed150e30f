"""Prometheus metrics. Imported only if `METRICS` is enabled.

With several workers, each keeps its numbers in files of one directory, and the worker that answers
`/metrics` adds them up. `serve` creates the directory before this module is imported, and names it
in `PROMETHEUS_MULTIPROC_DIR`.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import prometheus_client as prometheus
from django.core.signals import got_request_exception
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
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
from authproject.server.routes import iter_routes

MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"
PROTECTED = "/api/v1/protected/"
STARTED = time.time()
"""With several workers, the start of their parent, which imports this module before it forks."""

INITIAL_OUTCOMES = ("success", "store_unavailable", "overloaded")
"""These series start at 0, so that `rate()` sees the first event."""

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

for token_error_class in TOKEN_ERRORS:
    tokens_refused.labels(token_error_class.reason)  # starts the series at 0


class ServiceCollector(Collector):
    """Reads gauges at the time of the scrape."""

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
        return []  # Without it, the registry calls `collect`, which opens the store.


class StartCollector(Collector):
    """Adds the start time, which the library leaves out with several workers."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "process_start_time_seconds", "When the service started", value=STARTED
        )

    def describe(self) -> list[GaugeMetricFamily]:
        return []


prometheus.REGISTRY.register(ServiceCollector())


class RequestMetrics:
    """Counts and times requests."""

    def __init__(self) -> None:
        # By path: a request may be refused before Django resolves its route.
        self._operations = get_operations()
        for operation in {*self._operations.values(), "access"}:
            for outcome in INITIAL_OUTCOMES:
                _get_outcome_counter(operation, outcome)

    def count(
        self,
        *,
        method: str,
        path: str,
        route: str | None,
        status: int,
        outcome: str,
        token_error: TokenError | None,
        seconds: float,
    ) -> None:
        """Count a request. `outcome` is `success` or the error's code."""
        # Labels have few values: unknown methods share one, and so do paths without a route.
        label = method if method in KNOWN_METHODS else "other"
        _get_duration_histogram(label, route or "unmatched", status).observe(seconds)
        operation = self._operations.get(path) if method == "POST" else None
        if operation is None and path.startswith(PROTECTED) and route and method != "OPTIONS":
            operation = "access"
        if operation is not None:
            _get_outcome_counter(operation, outcome).inc()
        if token_error is not None:
            tokens_refused.labels(token_error.reason).inc()


def get_operations() -> dict[str, str]:
    """Return the `operation` label for POST requests, by path."""
    labels = {route.path: _get_operation(route.name) for route in iter_routes()}
    return {path: label for path, label in labels.items() if label}


def _get_operation(route_name: str) -> str | None:
    """Return `logout_all` for `auth-logout-all`, `login` for `rest_framework:login`."""
    for prefix in ("auth-", "rest_framework:"):
        if route_name.startswith(prefix):
            return route_name.removeprefix(prefix).replace("-", "_")
    return None


def render_metrics() -> bytes:
    """Return all metrics in Prometheus's text format."""
    folder = os.environ.get(MULTIPROC_DIR)
    if folder is None:
        return prometheus.generate_latest()
    registry = prometheus.CollectorRegistry()
    registry.register(ServiceCollector())
    registry.register(StartCollector())
    _mark_dead_workers(Path(folder))
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types for it
    return prometheus.generate_latest(registry)


# Cached: `labels` makes three lookups. The labels above have few values.
@cache
def _get_duration_histogram(method: str, route: str, status: int) -> prometheus.Histogram:
    return http_request_duration.labels(method, route, str(status))


@cache
def _get_outcome_counter(operation: str, outcome: str) -> prometheus.Counter:
    return auth_requests.labels(operation, outcome)


def _mark_dead_workers(folder: Path) -> None:
    """Remove the gauges of workers that no longer run: their hashes do not wait any more."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # Another scrape may remove it first.
                mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library has no types for it


def _is_up(store: AccountStore) -> int:
    try:
        store.ping()
    except StoreUnavailable:
        return 0
    return 1


def _count_exception(**kwargs: Any) -> None:
    http_unhandled_exceptions.inc()


def _change_hash_queue(change: int, **kwargs: Any) -> None:
    auth_password_hash_queue.inc(change)


def _observe_hash(seconds: float, **kwargs: Any) -> None:
    auth_password_hash.observe(seconds)


DISPATCH_UID = "authproject.monitoring.metrics"
got_request_exception.connect(_count_exception, dispatch_uid=DISPATCH_UID)
password_hash_queue_changed.connect(_change_hash_queue, dispatch_uid=DISPATCH_UID)
password_hashed.connect(_observe_hash, dispatch_uid=DISPATCH_UID)
