"""Prometheus metrics. Imported only if `METRICS` is enabled.

With several workers, each keeps its numbers in files of one directory, and the worker that answers
`/metrics` adds them up. `serve` creates the directory before this module is imported, and names it
in `PROMETHEUS_MULTIPROC_DIR`.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import prometheus_client as prometheus
from django.core.signals import got_request_exception
from django.dispatch import receiver
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from accounts.domain import errors
from accounts.services import get_services
from accounts.signals import password_hash_queue_changed, password_hashed
from authproject.server.environ import KNOWN_METHODS
from authproject.server.routes import iter_routes

MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"
ACCESS_PATHS = ("/api/v1/protected/", "/api/v1/auth/verify")
"""Requests for paths that start so are the operation `access`."""

OPERATION_ROUTE_RE = re.compile(r"(?:auth-(?!verify)|rest_framework:)(.+)")
STARTED = time.time()
"""With several workers, the start of their parent, which imports this module before it forks."""

INITIAL_OUTCOMES = ("success", "store_unavailable", "overloaded")
"""These series start at 0, so that `rate()` sees the first event."""

TOKEN_ERRORS: tuple[type[errors.TokenError], ...] = (
    errors.TokenInvalid,
    errors.UnknownKeyID,
    errors.InvalidTokenSignature,
    errors.WrongTokenType,
    errors.TokenExpired,
    errors.TokenRevoked,
    errors.TokenReused,
)

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types for it

auth_requests = prometheus.Counter(
    "auth_requests_total",
    "Requests to the API by operation and outcome: success, no_session, or the error's code",
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


# Cached, because `labels` makes three lookups. The labels have few values.
get_duration_histogram = cache(http_request_duration.labels)
get_outcome_counter = cache(auth_requests.labels)


class ServiceCollector(Collector):
    """Reads gauges at the time of the scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        services = get_services()
        store = services.accounts.store
        up = _check_store(store.ping)
        yield GaugeMetricFamily("auth_store_up", "Whether the store answers reads", up)
        # A store that is down is not asked again: each time may take a second.
        writable = up and _check_store(store.check_writable)
        yield GaugeMetricFamily("auth_store_writable", "Whether the store takes changes", writable)
        if up:
            emptied = store.was_emptied()
            yield GaugeMetricFamily("auth_store_emptied", "Whether its data were lost", emptied)
        yield GaugeMetricFamily("auth_clock_seconds", "The time of this service", services.clock())
        count = store.count_users()
        if count is not None:
            yield GaugeMetricFamily("auth_users", "Accounts in the store", count)
        if MULTIPROC_DIR in os.environ:  # The library leaves it out then.
            yield GaugeMetricFamily("process_start_time_seconds", "Start of the service", STARTED)


def _check_store(check: Callable[[], object]) -> int:
    try:
        check()
    except errors.StoreUnavailable:
        return 0
    return 1


class RequestMetrics:
    def __init__(self) -> None:
        # By path: a request may be refused before Django resolves its route.
        self._operations = get_operations()
        for operation in {*self._operations.values(), "access"}:
            for outcome in INITIAL_OUTCOMES:
                get_outcome_counter(operation, outcome)

    def count(
        self, path: str, fields: dict[str, Any], token_reason: str | None, seconds: float
    ) -> None:
        """Count a request. `fields` are of its access line, `token_reason` of a refused token."""
        method, route = fields["method"], fields["route"]
        # Labels have few values: unknown methods share one, and so do paths without a route.
        label = method if method in KNOWN_METHODS else "other"
        get_duration_histogram(label, route or "unmatched", fields["status"]).observe(seconds)
        operation = self._operations.get((method, path)) or self._operations.get((method, route))
        if operation is None and path.startswith(ACCESS_PATHS) and route and method != "OPTIONS":
            operation = "access"
        if operation is not None:
            get_outcome_counter(operation, fields.get("code", "success")).inc()
        if token_reason is not None:
            tokens_refused.labels(token_reason).inc()


def get_operations() -> dict[tuple[str, str | None], str]:
    """Return the `operation` label by method and path, which may have a variable part.

    It is `logout_all` for the route `auth-logout-all`, and `login` for `rest_framework:login`.
    """
    operations: dict[tuple[str, str | None], str] = {}
    for route in iter_routes(with_variables=True):
        if match := OPERATION_ROUTE_RE.match(route.name):
            # Of DRF's viewsets, which add HEAD to GET at a request.
            methods = set(getattr(route.view, "actions", ["post"])) - {"head"}
            label = match[1].replace("-", "_")
            operations |= {(method.upper(), route.path): label for method in methods}
    return operations


def render_metrics() -> bytes:
    registry = prometheus.CollectorRegistry()
    registry.register(ServiceCollector())
    if folder := os.environ.get(MULTIPROC_DIR):
        _mark_dead_workers(Path(folder))
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types for it
    else:
        registry.register(prometheus.REGISTRY)
    return prometheus.generate_latest(registry)


def _mark_dead_workers(folder: Path) -> None:
    """Remove the gauges of workers that no longer run: their hashes do not wait any more."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except OSError:  # There is none, or it is another user's: the number was used again.
            with suppress(FileNotFoundError):  # Another scrape may remove it first.
                mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library has no types for it


@receiver(got_request_exception)
def _count_exception(**kwargs: Any) -> None:
    http_unhandled_exceptions.inc()


@receiver(password_hash_queue_changed)
def _change_hash_queue(change: int, **kwargs: Any) -> None:
    auth_password_hash_queue.inc(change)


@receiver(password_hashed)
def _observe_hash(seconds: float, **kwargs: Any) -> None:
    auth_password_hash.observe(seconds)
