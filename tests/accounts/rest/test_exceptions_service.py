"""Errors that no body is to blame for: bugs, a store in trouble, a full pool, a foreign host."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest

from accounts import services as services_module
from accounts.domain.service import AccountService, TokenPolicy
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.services import Services
from accounts.signals import emit
from authproject.monitoring.access_log import RequestIDFilter
from authproject.monitoring.formatters import JSONLineFormatter
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import BuggyStore, Start, UnreachableStore, problem, send

PAGE = {"Accept": "text/html"}


@pytest.fixture
def buggy(start: Start, clock: MovableClock) -> Api:
    """A service with a bug in its store."""
    start().accounts.store = BuggyStore(clock)
    return Api()


@pytest.fixture
def saturated(start: Start, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A service whose hashing pool is full; one account is there already."""
    services = start()
    api = Api()
    api.register()
    full = replace(services, accounts=_with_a_full_pool(services, clock))
    monkeypatch.setattr(services_module, "_build_once", lambda: full)
    return api


def _with_a_full_pool(services: Services, clock: MovableClock) -> AccountService:
    pool = HashingExecutor(threads=1, max_pending=0)
    return AccountService(
        store=services.accounts.store,
        hasher=BcryptHasher(rounds=4, executor=pool),
        tokens=services.tokens,
        policy=TokenPolicy(
            access_lifetime=900, refresh_lifetime=9000, rotate=False, reuse_grace=10
        ),
        clock=clock,
        emit=emit,
    )


@pytest.fixture
def log() -> Iterator[StringIO]:
    """The log as production writes it: one JSON object a line."""
    lines = StringIO()
    handler = logging.StreamHandler(lines)
    handler.addFilter(RequestIDFilter())
    handler.setFormatter(JSONLineFormatter())
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)


def tracebacks(log: StringIO) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in log.getvalue().splitlines()]
    return [record for record in records if "exception" in record]


def test_a_bug_answers_with_the_name_to_quote_and_nothing_else(buggy: Api) -> None:
    response = buggy.login()
    assert problem(response) == (500, "server_error")
    assert set(response.json()) == {"detail", "code", "request_id"}
    assert response.json()["request_id"] == response["X-Request-ID"]


def test_a_bug_is_answered_under_the_name_that_the_client_chose(buggy: Api) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    response = send(buggy, "/api/v1/auth/login", body, headers={"X-Request-ID": "my-name"})
    assert response.json()["request_id"] == "my-name"


def test_a_bug_tells_nothing_of_the_inside(buggy: Api) -> None:
    content = buggy.login().content.decode()
    for inside in (BuggyStore.SECRET, "Traceback", "RuntimeError", ".py"):
        assert inside not in content


def test_a_bug_is_logged_once_with_its_traceback_under_the_request(
    buggy: Api, log: StringIO
) -> None:
    response = buggy.login()
    [record] = tracebacks(log)
    assert record["level"] == "ERROR"
    assert record["request_id"] == response.json()["request_id"]
    assert record["exception"].startswith("Traceback")
    assert BuggyStore.SECRET in record["exception"]


def test_a_bug_is_json_even_where_a_page_was_asked_for(buggy: Api) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    assert problem(send(buggy, "/api/v1/auth/login", body, headers=PAGE)) == (500, "server_error")


@pytest.mark.parametrize("path", ["auth/register", "auth/login"])
def test_a_full_pool_is_overload(saturated: Api, path: str) -> None:
    response = saturated.post(path, {"email": f"new.{EMAIL}", "password": PASSWORD})
    assert problem(response) == (503, "overloaded")
    assert int(response["Retry-After"]) > 0


def test_a_full_pool_does_not_tell_who_has_an_account(saturated: Api) -> None:
    answers = [saturated.login(email) for email in (EMAIL, f"x{EMAIL}")]
    assert [problem(answer) for answer in answers] == [(503, "overloaded")] * 2
    assert answers[0].content == answers[1].content


def test_a_full_pool_does_not_stop_what_needs_no_hash(api: Api, saturated: Api) -> None:
    assert saturated.client.get("/health/ready").status_code == 200
    assert problem(saturated.profile(None)) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "path", ["register", "login", "refresh", "logout", "logout-all", "password"]
)
def test_a_store_out_of_reach_is_said_so(start: Start, clock: MovableClock, path: str) -> None:
    services = start()
    api = Api()
    tokens = api.enter()
    services.accounts.store = UnreachableStore(clock)
    body = {
        "email": EMAIL,
        "password": PASSWORD,
        "refresh_token": tokens["refresh_token"],
        "current_password": PASSWORD,
        "new_password": PASSWORD,
    }
    response = api.post(f"auth/{path}", body, token=tokens["access_token"])
    assert problem(response) == (503, "store_unavailable")
    assert int(response["Retry-After"]) > 0


def test_a_profile_without_a_store_is_unavailable_and_no_401(
    start: Start, clock: MovableClock
) -> None:
    services = start()
    api = Api()
    token = api.enter()["access_token"]
    services.accounts.store = UnreachableStore(clock)
    response = api.profile(token)
    assert problem(response) == (503, "store_unavailable")
    assert "WWW-Authenticate" not in response


def test_a_service_without_a_store_is_not_ready(start: Start, clock: MovableClock) -> None:
    start().accounts.store = UnreachableStore(clock)
    response = Api().client.get("/health/ready")
    assert problem(response) == (503, "store_unavailable")
    assert int(response["Retry-After"]) > 0


def test_a_store_out_of_reach_is_no_bug_to_log(
    start: Start, clock: MovableClock, log: StringIO
) -> None:
    start().accounts.store = UnreachableStore(clock)
    Api().login()
    assert tracebacks(log) == []


def test_a_body_that_breaks_off_is_the_client_s_fault(api: Api) -> None:
    class Gone:
        def read(self, *size: int) -> bytes:
            raise ConnectionResetError

        readline = read

    broken: dict[str, Any] = {"wsgi.input": Gone(), "CONTENT_LENGTH": "9"}
    assert problem(send(api, "/api/v1/auth/login", **broken)) == (400, "parse_error")


@pytest.mark.parametrize("host", ["evil.example", "", "a b", "[::1", "testserver:x", "\xff", "*"])
def test_a_host_that_is_not_listed_is_refused(api: Api, host: str) -> None:
    for path in ("/", "/api/v1/auth/login", "/nowhere"):
        response = api.client.get(path, headers={"Host": host})
        assert problem(response) == (400, "invalid_host")


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
@pytest.mark.parametrize("host", ["evil.example", "", "a b", "[::1", "10.0.0.1:8000", "\xff"])
def test_probes_may_send_any_host(api: Api, path: str, host: str) -> None:
    assert api.client.get(path, headers={"Host": host}).status_code == 200


ASKS_FOR_ANYTHING = [
    "*/*",
    "application/json",
    "application/*",
    "text/html;q=0.5, application/json",
]


@pytest.mark.parametrize("accept", ASKS_FOR_ANYTHING)
@pytest.mark.parametrize(
    "path", ["/", "/api/v1/auth/login", "/api/v1/protected/profile", "/nowhere", "/health"]
)
def test_nobody_gets_a_page_who_did_not_ask(api: Api, path: str, accept: str) -> None:
    response = api.client.get(path, headers={"Accept": accept})
    assert response["Content-Type"] == "application/json"


def test_a_client_without_preferences_gets_json(api: Api) -> None:
    assert api.client.get("/api/v1/protected/profile")["Content-Type"] == "application/json"


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/health/nowhere", 404)])
def test_what_no_view_answers_is_json_for_browsers_too(api: Api, path: str, status: int) -> None:
    response = api.client.get(path, headers=PAGE)
    assert problem(response) == (status, "not_found")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        *[f"/api/v1/auth/{name}" for name in ("register", "login", "refresh", "logout")],
        "/api/v1/auth/logout-all",
        "/api/v1/auth/password",
        "/api/v1/protected/profile",
        "/api/v1/",
    ],
)
def test_browsers_that_ask_get_a_page_and_never_a_bug(api: Api, path: str, method: str) -> None:
    token = api.enter()["access_token"]
    response = send(api, path, b'{"email": "\\ud800"}', method=method, token=token, headers=PAGE)
    assert response.status_code < 500
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_a_page_escapes_what_the_client_sent(api: Api) -> None:
    script = "<script>alert(1)</script>"
    response = send(api, "/api/v1/auth/login", b"{}", f"text/{script}", headers=PAGE)
    assert response.status_code == 415
    assert script not in response.content.decode()
