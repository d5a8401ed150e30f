"""Prometheus metrics: requests are sent, and /metrics is read."""

import http.client
import json
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from accounts.stores.memory import MemoryStore
from accounts.viewsets import AuthViewSet
from authproject.monitoring import metrics
from authproject.server.execution import Execution
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.browser_client import Browser
from tests.support.http import BuggyStore, Start, decode_claims, decode_header, forge, send, sign
from tests.support.metrics import Counts, read, scrape
from tests.support.processes import START_SECONDS, Service, run_service
from tests.support.rsgi import (
    BrokenHandler,
    build_application,
    build_overloaded_application,
    call,
)
from tests.support.valkey import Server, valkey_binary, wait_until

PROFILE, LOGIN = "/api/v1/protected/profile", "/api/v1/auth/login"


@pytest.fixture
def counts(api: Api) -> Counts:
    return Counts(lambda: scrape(api))


def test_metrics_have_prometheus_text_format(api: Api) -> None:
    response = api.client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# TYPE auth_requests_total counter" in response.content


def test_success_of_every_operation_is_counted(api: Api, counts: Counts) -> None:
    tokens = api.register_and_log_in()
    api.refresh(tokens["refresh_token"])
    api.profile(tokens["access_token"])
    change = {"current_password": PASSWORD, "new_password": "another password"}
    tokens = api.post("auth/password", change, token=tokens["access_token"]).json()
    api.logout(tokens["refresh_token"])
    api.login(EMAIL, "another password")
    api.post("auth/logout-all", token=api.login(EMAIL, "another password").json()["access_token"])
    operations = ("register", "refresh", "access", "password", "logout", "logout_all")
    assert {counts.outcome(operation, "success") for operation in operations} == {1}
    assert counts.outcome("login", "success") == 3


def test_verification_for_a_proxy_is_counted_as_access(api: Api, counts: Counts) -> None:
    api.get("auth/verify", token=api.register_and_log_in()["access_token"])
    api.get("auth/verify")
    assert counts.outcome("access", "success") == 1
    assert counts.outcome("access", "not_authenticated") == 1


def test_failure_is_counted_by_code(api: Api, counts: Counts) -> None:
    api.login()
    api.register("no address")
    api.profile(None)
    send(api, "/api/v1/auth/login", b" " * 20_000)
    assert counts.outcome("login", "invalid_credentials") == 1
    assert counts.outcome("register", "invalid") == 1
    assert counts.outcome("access", "not_authenticated") == 1
    assert counts.outcome("login", "payload_too_large") == 1


def test_logout_without_session_is_no_success(api: Api, counts: Counts) -> None:
    token = api.register_and_log_in()["refresh_token"]
    for text in (token, token, "garbage"):
        api.logout(text)
    assert counts.outcome("logout", "success") == 1
    assert counts.outcome("logout", "no_session") == 2


def test_expired_tokens_are_counted(api: Api, counts: Counts, clock: MovableClock) -> None:
    tokens = api.register_and_log_in()
    clock.advance(901)
    api.profile(tokens["access_token"])
    api.refresh(forge(tokens["refresh_token"], exp=int(clock()) - 1))
    assert counts.outcome("access", "token_expired") == 1
    assert counts.outcome("refresh", "token_expired") == 1


def test_preflight_is_not_counted_as_login(api: Api, counts: Counts) -> None:
    send(api, "/api/v1/auth/login", method="OPTIONS")
    assert counts.outcome("login", "success") == 0


def test_requests_are_timed_by_route_and_status(api: Api, counts: Counts) -> None:
    api.profile(None)
    name = "http_request_duration_seconds_count"
    assert counts(name, method="GET", route="/api/v1/protected/profile", status="401") == 1


def send_whatever_a_client_can_vary(api: Api, token: str, name: str) -> None:
    """Send requests that fail in every way, with `name` in every part."""
    for path in (f"/nowhere/{name}", f"/api/v1/protected/{name}", f"{PROFILE}/{name}", LOGIN):
        for method in ("GET", "POST", "DELETE", "OPTIONS", name.upper()):
            send(api, path, method=method)
    for path in (PROFILE, LOGIN, f"/{name}"):
        send(api, path, b" " * 20_000)  # 413
        send(api, path, headers={"Host": f"{name}.example"})  # 400
        send(api, path, json.dumps({name: name, "code": name}).encode())  # 422
        send(api, path, content_type=f"text/{name}", body=b"x")  # 415
        send(api, f"{path}?{name}={name}", method="GET", headers={"Accept": f"text/{name}"})  # 406
    for header in ({"kid": name}, {"kid": f"{hash(name) % 2**64:016x}"}, {"alg": name}):
        api.profile(forge(token, header))
    for claims in ({"type": name}, {"ver": name}, {"sid": name}, {"sub": name}):
        api.profile(forge(token, **claims))
    api.login(f"{name}@example.com", name)


def test_client_cannot_add_label_values(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    send_whatever_a_client_can_vary(api, token, "first")
    scrape(api)  # a request itself
    series = set(read(scrape(api)))
    for name in ("second", "third", "fourth"):
        send_whatever_a_client_can_vary(api, token, name)
    assert set(read(scrape(api))) == series


def test_unmatched_paths_share_one_label(api: Api, counts: Counts) -> None:
    for number in range(10):
        send(api, f"/nowhere/{number}", method=f"METHOD{number}")
        send(api, f"/api/v1/protected/{number}", method="GET")
    name = "http_request_duration_seconds_count"
    assert counts(name, method="other", route="unmatched", status="404") == 10
    assert counts(name, method="GET", route="unmatched", status="404") == 10


def test_hashes_are_timed(api: Api, counts: Counts) -> None:
    api.register_and_log_in()
    assert counts("auth_password_hash_seconds_count") == 2


def test_hash_queue_is_empty_after_requests(api: Api) -> None:
    api.register_and_log_in()
    assert read(scrape(api))["auth_password_hash_queue", frozenset()] == 0


def test_memory_store_users_are_counted(api: Api) -> None:
    api.register("one@example.com")
    api.register("two@example.com")
    assert read(scrape(api))["auth_users", frozenset()] == 2


def test_remote_store_users_are_not_counted(start: Start, valkey_url: str) -> None:
    start(STORE_URL=valkey_url)
    assert "auth_users" not in scrape(Api())


def test_metrics_other_method_is_405(api: Api) -> None:
    response = send(api, "/metrics", method="POST")
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert response.json()["code"] == "method_not_allowed"


def test_concurrent_scrapes_may_remove_same_dead_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown_pid = 2**30  # no process has this ID
    (tmp_path / f"gauge_livesum_{unknown_pid}.db").touch()
    monkeypatch.setenv(metrics.MULTIPROC_DIR, str(tmp_path))
    with ThreadPoolExecutor(8) as scrapers:
        assert len(list(scrapers.map(lambda _: metrics.render_metrics(), range(64)))) == 64
    assert list(tmp_path.iterdir()) == []


def test_dead_worker_with_another_users_process_id_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError  # as the kernel for a process of another user

    monkeypatch.setenv(metrics.MULTIPROC_DIR, str(tmp_path))
    monkeypatch.setattr(os, "kill", refuse)
    (file := tmp_path / "gauge_livesum_1.db").touch()
    assert b"auth_store_up" in metrics.render_metrics()
    assert not file.exists()


def test_metrics_disabled_is_404(tmp_path: Path) -> None:
    with run_service(tmp_path, METRICS="false") as service:
        answer = service.request("GET", "/metrics")
        assert (answer.status, answer.json()["code"]) == (404, "not_found")
        assert service.login().json()["code"] == "invalid_credentials"


def scraped(service: Service) -> str:
    return service.request("GET", "/metrics").body.decode()


def profile_status(service: Service, token: str) -> int:
    try:
        return service.profile(token).status
    except (OSError, http.client.HTTPException):
        return 0  # the killed worker had accepted the connection


@pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
def test_metrics_of_all_workers_are_summed(tmp_path: Path) -> None:
    valkey = Server(valkey_binary(), tmp_path)
    try:
        url = f"valkey://127.0.0.1:{valkey.port}"
        with run_service(tmp_path, "--workers", "2", STORE_URL=url) as service:
            wait_until(lambda: len(service.workers()) == 2)
            service.register()
            token = service.login().json()["access_token"]
            counts = Counts(lambda: scraped(service))
            assert {profile_status(service, token) for _ in range(40)} == {HTTPStatus.OK}
            assert counts.outcome("access", "success") == 40
            assert counts("auth_password_hash_queue") == 0
            now = read(scraped(service))
            assert now["auth_store_up", frozenset()] == 1
            started = now["process_start_time_seconds", frozenset()]
            assert abs(now["auth_clock_seconds", frozenset()] - started) < START_SECONDS
            killed = service.workers()[0]
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: killed not in service.workers() and len(service.workers()) == 2)
            wait_until(lambda: profile_status(service, token) == HTTPStatus.OK)
            assert counts.outcome("access", "success") >= 41
            assert read(scraped(service))["process_start_time_seconds", frozenset()] == started
            assert counts("auth_password_hash_queue") == 0
    finally:
        valkey.kill()


PROFILE = "/api/v1/protected/profile"
ECHOES = [("echo", "error"), ("raise", "permission_denied")]
"""Views that repeat the request's body: in a response, and in an exception."""
DURATIONS = "http_request_duration_seconds_count"


class SlowStore(MemoryStore):
    blocking_reads = blocking_writes = True
    supports_batch_reads = False


def test_overloaded_profile_is_counted_as_access(start: Start, counts: Counts) -> None:
    start().accounts.store = SlowStore(MovableClock())
    assert call(build_overloaded_application(Execution.THREAD), "GET", PROFILE).status == 503
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


def get_reasons(counts: Counts) -> dict[str, float]:
    """Return how many tokens were invalid, by reason."""
    return counts.get_by_label("auth_tokens_refused_total", "reason")


def test_invalid_token_is_counted_by_reason(api: Api, counts: Counts, clock: MovableClock) -> None:
    tokens = api.register_and_log_in()
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    api.profile("no token")
    api.profile(forge(access, {"kid": "0" * 16}))
    api.profile(sign(decode_header(access), decode_claims(access), key="x" * 32))
    api.profile(refresh)
    api.refresh(access)
    api.logout(refresh)
    api.profile(access)
    clock.advance(901)
    api.profile(access)
    assert get_reasons(counts) == {
        "malformed": 1,
        "unknown_key": 1,
        "bad_signature": 1,
        "wrong_type": 2,
        "revoked": 1,
        "expired": 1,
    }


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "google-key-1"},
        {"kid": "0" * 17},
        {"kid": "0123456789abcde\n"},
        {"kid": 16},
        {"alg": "RS256", "kid": "0" * 16},
        {"alg": ["HS256"], "kid": "0" * 16},
    ],
)
def test_foreign_token_header_is_malformed(
    api: Api, counts: Counts, header: dict[str, Any]
) -> None:
    response = api.profile(forge(api.register_and_log_in()["access_token"], header))
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")
    assert get_reasons(counts) == {"malformed": 1}


def test_missing_token_is_not_counted_as_invalid(api: Api, counts: Counts) -> None:
    api.profile(None)
    assert get_reasons(counts) == {}


def test_token_reuse_is_counted(api: Api, counts: Counts, start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    used = api.register_and_log_in()["refresh_token"]
    api.refresh(used)
    api.refresh(used)
    assert get_reasons(counts) == {"reused": 1}
    assert counts.outcome("refresh", "token_reused") == 1


def test_every_auth_action_is_an_operation() -> None:
    found: list[Any] = AuthViewSet.get_extra_actions()
    found.remove(AuthViewSet.verify)  # it is `access`
    paths = {
        (method.upper(), f"/api/v1/auth/{action.url_path}"): action.__name__
        for action in found
        for method in action.mapping
    }
    pages = {("POST", "/browse/login"): "login", ("POST", "/browse/logout"): "logout"}
    assert metrics.get_operations() == paths | pages


def test_browsable_login_and_logout_are_counted(browser: Browser, counts: Counts) -> None:
    browser.log_in(password="wrong password")
    page = browser.log_in()
    browser.log_out(page)
    browser.log_out(page)
    assert counts.outcome("login", "invalid_credentials") == 1
    assert counts.outcome("login", "success") == 1
    assert counts.outcome("logout", "success") == 1
    assert counts.outcome("logout", "no_session") == 1
    browser.send("/browse/login", {"email": EMAIL, "password": PASSWORD})
    assert counts.outcome("login", "csrf_failed") == 1


def test_initial_outcomes_are_zero(api: Api) -> None:
    shown = read(scrape(api))
    for operation in [*metrics.get_operations().values(), "access"]:
        for outcome in metrics.INITIAL_OUTCOMES:
            labels = frozenset({f'operation="{operation}"', f'outcome="{outcome}"'})
            assert ("auth_requests_total", labels) in shown


def test_clock_is_reported(api: Api, clock: MovableClock) -> None:
    clock.advance(1000)
    assert read(scrape(api))["auth_clock_seconds", frozenset()] == clock()


def test_reachable_store_is_up(api: Api) -> None:
    shown = read(scrape(api))
    assert shown["auth_store_up", frozenset()] == 1
    assert shown["auth_store_writable", frozenset()] == 1
    assert shown["auth_store_emptied", frozenset()] == 0


def test_unreachable_store_is_down(api: Api, start: Start) -> None:
    start(STORE_URL="redis://127.0.0.1:1/0")
    shown = read(scrape(api))
    assert shown["auth_store_up", frozenset()] == 0
    assert shown["auth_store_writable", frozenset()] == 0
