"""Decides where a request runs: where it is received, on the event loop, or on a thread.

Views and stores declare facts (`StoreAccess`, `hashes_password`, `blocking_reads`, …). Only
`choose_execution` decides from them. docs/architecture.md shows the result as a table.
"""

from enum import Enum, auto

from accounts.domain.interfaces import AccountStore, StoreAccess
from authproject.server.routes import Route

MONITORING_ROUTES = frozenset({"health-ready", "metrics"})
"""Routes with reserved threads, so that monitoring works when all other threads are blocked."""

CHANGING_METHODS = frozenset({"PUT", "PATCH", "DELETE"})
"""With one of these, a view changes something, even if it declares `StoreAccess.IDENTITY`."""


class Execution(Enum):
    IMMEDIATE = auto()
    """Nothing blocks: on the thread that has the request, the server's or the event loop's."""
    PREFETCH = auto()
    """Event loop, after a batched lookup of the request's user and session."""
    THREAD = auto()
    PASSWORD_THREAD = auto()
    """One of the threads that wait for password hashes, so that no other request waits for them."""
    MONITORING_THREAD = auto()


def choose_execution(
    route: Route, store: AccountStore, *, cookie: bool, changes: bool = False
) -> Execution:
    """Return where requests for `route` run.

    `cookie` means: the request has a cookie, and the browsable API may authenticate by it.
    `changes` means: its method is one of `CHANGING_METHODS`.
    """
    if route.get_fact("hashes_password"):
        return Execution.PASSWORD_THREAD
    monitoring = route.name in MONITORING_ROUTES
    thread = Execution.MONITORING_THREAD if monitoring else Execution.THREAD
    match _get_store_access(route, cookie=cookie):
        case StoreAccess.NONE:
            return Execution.IMMEDIATE
        case StoreAccess.IDENTITY if changes:
            return thread
        case StoreAccess.IDENTITY if not store.blocking_reads:
            return Execution.IMMEDIATE
        case StoreAccess.IDENTITY if store.supports_batch_reads and not cookie:
            return Execution.PREFETCH
        case StoreAccess.WRITE if not (store.blocking_reads or store.blocking_writes):
            return Execution.IMMEDIATE
    return thread


def _get_store_access(route: Route, *, cookie: bool) -> StoreAccess | None:
    """Return the view's own access, or `IDENTITY` if only authentication reads the store."""
    access: StoreAccess | None = route.get_fact("store_access")
    authenticates = route.get_fact("authentication_classes") or (cookie and _renders_pages(route))
    return StoreAccess.IDENTITY if access is StoreAccess.NONE and authenticates else access


def _renders_pages(route: Route) -> bool:
    renderers = route.get_fact("renderer_classes", ())
    return any(one.media_type == "text/html" for one in renderers)
