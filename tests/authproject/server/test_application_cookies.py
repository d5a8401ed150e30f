"""Which requests with a cookie have a thread, and how their cookies reach Django."""

import asyncio
import threading
from typing import Any

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.stores.memory import MemoryStore
from authproject.server.application import Application
from authproject.server.environ import build_environ
from authproject.server.handler import Handler
from tests.support.api import Api, MovableClock
from tests.support.browser_client import ACCEPT, PROFILE
from tests.support.http import Start

COOKIE = ("cookie", f"{ACCESS_COOKIE}=some")


class RemoteStore(MemoryStore):
    """A store on another machine; knows which thread asked it."""

    blocking_reads = blocking_writes = True

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self.asked_by: list[threading.Thread] = []

    def get_user_and_session(
        self, email: EmailAddress, sid: str
    ) -> tuple[User | None, Session | None]:
        self.asked_by.append(threading.current_thread())
        return super().get_user_and_session(email, sid)


class Scope:
    http_version, method, scheme, query_string = "1.1", "GET", "http", ""
    path, server, client = PROFILE, "127.0.0.1:8000", "127.0.0.1:5000"

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.headers: Any = Headers(headers)


class Headers(tuple[tuple[str, str], ...]):
    """RSGI's headers: a name may come twice."""

    __slots__ = ()

    def items(self) -> "Headers":
        return self

    def keys(self) -> list[str]:
        return [name for name, _ in self]


class Protocol:
    status = 0

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status


def ask(path: str, *headers: tuple[str, str], busy: bool = False) -> int:
    """Ask an application whose event loop is this thread's; return the answer's status."""
    scope, protocol = Scope(("host", "localhost"), ("accept", ACCEPT), *headers), Protocol()
    scope.path = path
    application: Any = Application(Handler(), threads=1, max_body_bytes=0)
    if busy:
        application._clients.pending = application._clients.max_pending
    asyncio.run(application.__rsgi__(scope, protocol))
    return protocol.status


@pytest.mark.urls("tests.support.custom_views")
@pytest.mark.parametrize("path", [PROFILE, "/quick"])
def test_the_event_loop_waits_for_no_store_that_a_cookie_needs(
    api: Api, start: Start, clock: MovableClock, path: str
) -> None:
    store = start().accounts.store = RemoteStore(clock)
    token = api.enter()["access_token"]
    assert ask(path, ("cookie", f"{ACCESS_COOKIE}={token}")) == 200
    assert store.asked_by
    assert threading.current_thread() not in store.asked_by


@pytest.mark.urls("tests.support.custom_views")
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/quick", [], 200), ("/quick-json", [COOKIE], 200), ("/quick", [COOKIE], 503)],
)
def test_of_what_never_waits_only_a_page_for_a_cookie_needs_a_thread(
    start: Start, clock: MovableClock, path: str, headers: list[tuple[str, str]], status: int
) -> None:
    start().accounts.store = RemoteStore(clock)
    assert ask(path, *headers, busy=True) == status


@pytest.mark.urls("tests.support.custom_views")
def test_without_the_browsable_api_a_cookie_needs_no_thread(
    start: Start, clock: MovableClock
) -> None:
    start(BROWSABLE_API=False).accounts.store = RemoteStore(clock)
    assert ask("/quick", COOKIE, busy=True) == 200


def test_cookies_in_headers_of_their_own_stay_apart() -> None:
    scope: Any = Scope(("cookie", "a=1"), ("cookie", "b=2"), ("accept", "x"), ("accept", "y"))
    environ = build_environ(scope, "/")
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_ACCEPT"] == "x,y"
