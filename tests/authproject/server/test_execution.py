"""Where a request runs: the table of docs/architecture.md, and the service's own endpoints."""

from itertools import product
from typing import Any

import pytest

from accounts.browsable.renderers import EndpointRenderer
from accounts.browsable.views import LoginView
from accounts.domain.interfaces import StoreAccess
from accounts.rest.renderers import JSONRenderer
from accounts.rest.views import BaseAPIView
from accounts.stores.memory import MemoryStore
from authproject.server.execution import Execution, choose_execution
from authproject.server.routes import Route, iter_routes
from tests.support.api import MovableClock

NONE, IDENTITY, WRITE = StoreAccess
EVENT_LOOP, PREFETCH, THREAD, PASSWORD_THREAD, MONITORING_THREAD = Execution
HASHES = {"hashes_password": True}
PUBLIC = {"authentication_classes": [], "renderer_classes": [JSONRenderer]}
PUBLIC_PAGE = {"authentication_classes": [], "renderer_classes": [JSONRenderer, EndpointRenderer]}


def build_store(*, reads: bool, writes: bool, batch: bool) -> MemoryStore:
    class Store(MemoryStore):
        blocking_reads, blocking_writes, supports_batch_reads = reads, writes, batch

    return Store(MovableClock())


MEMORY = build_store(reads=False, writes=False, batch=True)
JOURNAL = build_store(reads=False, writes=True, batch=True)
SERVER = build_store(reads=True, writes=True, batch=True)
CLUSTER = build_store(reads=True, writes=True, batch=False)
STORES = (MEMORY, JOURNAL, SERVER, CLUSTER)
COOKIE, NO_COOKIE = True, False
ANY = (COOKIE, NO_COOKIE)


def rows(
    options: dict[str, Any],
    access: StoreAccess | None,
    stores: tuple[MemoryStore, ...],
    cookies: tuple[bool, ...],
    expected: Execution,
) -> list[Any]:
    """Return one case for each store and cookie."""
    facts = {**options, "store_access": access}
    return [(facts, store, cookie, expected) for store, cookie in product(stores, cookies)]


TABLE = [
    *rows(HASHES, WRITE, STORES, ANY, PASSWORD_THREAD),
    *rows(HASHES, IDENTITY, STORES, ANY, PASSWORD_THREAD),
    *rows({}, None, STORES, ANY, THREAD),
    *rows(PUBLIC, NONE, STORES, ANY, EVENT_LOOP),
    *rows({}, IDENTITY, (MEMORY, JOURNAL), ANY, EVENT_LOOP),
    *rows({}, IDENTITY, (SERVER,), (NO_COOKIE,), PREFETCH),
    *rows({}, IDENTITY, (SERVER,), (COOKIE,), THREAD),
    *rows({}, IDENTITY, (CLUSTER,), ANY, THREAD),
    *rows({}, WRITE, (MEMORY,), ANY, EVENT_LOOP),
    *rows({}, WRITE, (JOURNAL, SERVER, CLUSTER), ANY, THREAD),
    # NONE counts as IDENTITY if the view authenticates, or its page shows who is logged in.
    *rows({}, NONE, (SERVER,), (NO_COOKIE,), PREFETCH),
    *rows({}, NONE, (SERVER,), (COOKIE,), THREAD),
    *rows(PUBLIC_PAGE, NONE, STORES, (NO_COOKIE,), EVENT_LOOP),
    *rows(PUBLIC_PAGE, NONE, (SERVER, CLUSTER), (COOKIE,), THREAD),
]


@pytest.mark.parametrize(("facts", "store", "cookie", "expected"), TABLE)
def test_execution_follows_from_declared_facts(
    facts: dict[str, Any], store: MemoryStore, cookie: bool, expected: Execution
) -> None:
    route = Route("/own", "own", BaseAPIView.as_view(**facts))
    assert choose_execution(route, store, cookie=cookie) is expected


@pytest.mark.parametrize("store", STORES)
def test_changing_method_is_no_read_of_the_identity(store: MemoryStore) -> None:
    for access, options, expected in (
        (IDENTITY, {}, THREAD),
        (IDENTITY, HASHES, PASSWORD_THREAD),
        (NONE, PUBLIC, EVENT_LOOP),
        (WRITE, {}, EVENT_LOOP if store is MEMORY else THREAD),
    ):
        route = Route("/own", "own", BaseAPIView.as_view(**options, store_access=access))
        assert choose_execution(route, store, cookie=False, changes=True) is expected


@pytest.mark.parametrize("name", ["health-ready", "metrics"])
def test_monitoring_routes_have_reserved_threads(name: str) -> None:
    route = Route("/own", name, BaseAPIView.as_view())
    assert choose_execution(route, SERVER, cookie=False) is MONITORING_THREAD


@pytest.mark.parametrize(
    ("execution", "names"),
    [
        (EVENT_LOOP, {"health"}),
        (PREFETCH, {"protected-profile", "auth-verify"}),
        (MONITORING_THREAD, {"health-ready", "metrics"}),
    ],
)
def test_service_views_declare_their_facts(execution: Execution, names: set[str]) -> None:
    chosen = {route.name: choose_execution(route, SERVER, cookie=False) for route in iter_routes()}
    assert {name for name, one in chosen.items() if one is execution} == names


def test_views_that_hash_run_on_threads_of_their_own() -> None:
    chosen = {route.name: choose_execution(route, MEMORY, cookie=False) for route in iter_routes()}
    hashing = {name for name, one in chosen.items() if one is PASSWORD_THREAD}
    assert hashing >= {"auth-register", "auth-login", "auth-password", "rest_framework:login"}
    assert not {"auth-refresh", "auth-logout", "auth-logout-all"} & hashing


def test_browsable_login_runs_on_a_thread_for_hashes() -> None:
    route = Route("/api-auth/login", "rest_framework:login", LoginView.as_view())
    assert choose_execution(route, MEMORY, cookie=True) is PASSWORD_THREAD
