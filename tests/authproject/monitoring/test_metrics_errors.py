"""Errors before the view is called: they are counted and logged with the route's operation."""

import logging

import pytest

from accounts.stores.memory import MemoryStore
from tests.support.api import Api, MovableClock
from tests.support.http import BuggyStore, Start, send
from tests.support.metrics import Counts, read, scrape
from tests.support.rsgi import BrokenHandler, build_application, call

PROFILE = "/api/v1/protected/profile"
ECHOES = [("echo", "error"), ("raise", "permission_denied")]
"""Views that repeat the request's body: in a response, and in an exception."""
DURATIONS = "http_request_duration_seconds_count"


@pytest.fixture
def counts(api: Api) -> Counts:
    return Counts(lambda: scrape(api))


class SlowStore(MemoryStore):
    blocking_reads = blocking_writes = True
    supports_batch_reads = False


def test_overloaded_profile_is_counted_as_access(start: Start, counts: Counts) -> None:
    start().accounts.store = SlowStore(MovableClock())
    assert call(build_application(overloaded=True), "GET", PROFILE).status == 503
    assert counts.outcome("access", "overloaded") == 1
    assert counts(DURATIONS, method="GET", route=PROFILE, status="503") == 1


def test_body_too_large_is_counted_as_access(api: Api, counts: Counts) -> None:
    send(api, PROFILE, b" " * 20_000)
    assert counts.outcome("access", "payload_too_large") == 1
    assert counts(DURATIONS, method="POST", route=PROFILE, status="413") == 1


def test_unknown_host_is_counted_as_access(api: Api, counts: Counts) -> None:
    send(api, PROFILE, method="GET", headers={"Host": "elsewhere.example"})
    assert counts.outcome("access", "invalid_host") == 1


def test_early_error_is_timed_by_route(api: Api, counts: Counts) -> None:
    send(api, "/api/v1/auth/login", b" " * 20_000)
    assert counts(DURATIONS, method="POST", route="/api/v1/auth/login", status="413") == 1


def test_early_error_is_logged_with_route(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "authproject.access")
    send(api, PROFILE, b" " * 20_000)
    [record] = [one for one in caplog.records if one.name == "authproject.access"]
    assert vars(record)["fields"]["route"] == PROFILE


@pytest.mark.urls("tests.support.views_echo")
@pytest.mark.parametrize(("name", "outcome"), ECHOES)
def test_code_from_request_is_no_label(api: Api, counts: Counts, name: str, outcome: str) -> None:
    api.post(f"protected/{name}", {"code": "whatever"})
    assert "whatever" not in scrape(api)
    assert counts.outcome("access", outcome) == 1


@pytest.mark.urls("tests.support.views_echo")
@pytest.mark.parametrize(("name", "outcome"), ECHOES)
def test_code_from_request_is_not_logged(
    api: Api, caplog: pytest.LogCaptureFixture, name: str, outcome: str
) -> None:
    caplog.set_level(logging.INFO, "authproject.access")
    api.post(f"protected/{name}", {"code": "\n\x1b[31m whatever"})
    [record] = [one for one in caplog.records if one.name == "authproject.access"]
    assert vars(record)["fields"]["code"] == outcome


def test_unhandled_exception_is_counted(
    api: Api, start: Start, counts: Counts, clock: MovableClock
) -> None:
    start().accounts.store = BuggyStore(clock)
    api.login()
    assert counts("http_unhandled_exceptions_total") == 1


def test_exception_outside_django_is_counted(counts: Counts) -> None:
    call(build_application(BrokenHandler()), "POST", PROFILE)
    assert counts("http_unhandled_exceptions_total") == 1


def test_client_errors_are_no_unhandled_exceptions(api: Api, counts: Counts) -> None:
    assert ("http_unhandled_exceptions_total", frozenset()) in read(scrape(api))
    api.profile(None)
    send(api, PROFILE, method="GET", headers={"Host": "elsewhere.example"})
    assert counts("http_unhandled_exceptions_total") == 0


def test_unknown_path_is_unmatched(api: Api, counts: Counts) -> None:
    send(api, "/api/v1/protected/nothing", b" " * 20_000)
    send(api, "/api/v1/protected/nothing", method="GET")
    assert counts(DURATIONS, method="POST", route="unmatched", status="413") == 1
    assert counts(DURATIONS, method="GET", route="unmatched", status="404") == 1
    assert counts.outcome("access", "payload_too_large") == 0
    assert counts.outcome("access", "not_found") == 0
