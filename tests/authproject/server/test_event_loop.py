"""Which thread answers a request: the server's own, or the event loop's."""

import json
import re
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from authproject.server.bodies import ServerThreadCallback
from authproject.server.event_loop import EventLoop
from tests.support.api import JSON
from tests.support.processes import Service, run_service

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads threads from /proc")

REQUESTS = 50
PROFILE = "/api/v1/protected/profile"
REFRESH = "/api/v1/auth/refresh"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory.mktemp("event_loop")) as service:
        service.register()
        yield service


def count_wakeups(service: Service) -> int:
    """Count how often the thread of the event loop, the worker's first, has begun to wait."""
    [worker] = service.workers()
    status = Path(f"/proc/{worker}/status").read_text()
    [switches] = re.findall(r"\nvoluntary_ctxt_switches:\s+(\d+)", status)
    return int(switches)


def count_wakeups_of_requests(
    service: Service, method: str, path: str, body: object = None, **headers: str
) -> int:
    before = count_wakeups(service)
    connection = service.connect()
    for _ in range(REQUESTS):
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
    connection.close()
    return count_wakeups(service) - before


@needs_proc
def test_request_that_cannot_block_wakes_no_event_loop(service: Service) -> None:
    token = service.login().json()["access_token"]
    authorization = {"Authorization": f"Bearer {token}"}
    assert count_wakeups_of_requests(service, "GET", PROFILE, **authorization) < REQUESTS / 2


@needs_proc
def test_body_of_a_request_that_cannot_block_wakes_no_event_loop(service: Service) -> None:
    body = {"refresh_token": service.login().json()["refresh_token"]}
    wakeups = count_wakeups_of_requests(service, "POST", REFRESH, body, **{"Content-Type": JSON})
    assert wakeups < REQUESTS / 2


@needs_proc
def test_request_that_may_block_wakes_the_event_loop(service: Service) -> None:
    assert count_wakeups_of_requests(service, "GET", "/metrics") >= REQUESTS


class Request:
    """What Granian passes to the event loop, besides a coroutine."""

    scope, proto = "the scope", "the protocol"


async def answer(answers: list[str]) -> None:
    answers.append("on the event loop")


@pytest.mark.parametrize(("taken", "expected"), [(True, []), (False, ["on the event loop"])])
def test_event_loop_answers_what_the_server_thread_does_not(
    taken: bool, expected: list[str]
) -> None:
    received, answers = list[tuple[str, str]](), list[str]()

    def receive(scope: str, protocol: str) -> bool:
        received.append((scope, protocol))
        return taken

    loop = EventLoop(receive)

    def create_task(coroutine: Coroutine[Any, Any, None], request: Request) -> None:
        loop.create_task(coroutine).add_done_callback(lambda _: loop.stop())

    loop.call_soon_threadsafe(create_task, answer(answers), Request())
    if not taken:
        loop.run_forever()
    loop.close()
    assert (received, answers) == ([("the scope", "the protocol")], expected)


def test_callback_of_the_server_thread_is_called_at_once() -> None:
    loop, called = EventLoop(lambda *_: False), list[str]()
    loop.call_soon_threadsafe(ServerThreadCallback(called.append), "the future")
    loop.close()
    assert called == ["the future"]


def test_other_callbacks_run_on_the_event_loop() -> None:
    loop = EventLoop(lambda *_: True)
    threading.Timer(0, loop.call_soon_threadsafe, [loop.stop]).start()
    loop.run_forever()
    loop.close()


def test_signal_before_the_loop_runs_is_not_lost() -> None:
    calls: list[str] = []
    earlier = signal.signal(signal.SIGWINCH, lambda *_: calls.append("earlier"))
    with closing(EventLoop(lambda *_: False)) as loop:
        loop.add_signal_handler(signal.SIGWINCH, calls.append, "loop")
        signal.raise_signal(signal.SIGWINCH)
        loop.call_soon(signal.raise_signal, signal.SIGWINCH)
        loop.call_later(0.05, loop.stop)
        loop.run_forever()
    signal.signal(signal.SIGWINCH, earlier)
    assert calls == ["earlier", "loop"]
