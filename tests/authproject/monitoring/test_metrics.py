"""Metrics of requests, read from /metrics."""

import http.client
import json
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import pytest

from accounts.services import Services
from authproject.monitoring import metrics
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import forge, send
from tests.support.metrics import Counts, read, scrape
from tests.support.processes import START_SECONDS, Service, run_service
from tests.support.valkey import Server, valkey_binary, wait_until

Start = Callable[..., Services]
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


def test_failure_is_counted_by_code(api: Api, counts: Counts) -> None:
    api.login()
    api.register("no address")
    api.profile(None)
    send(api, "/api/v1/auth/login", b" " * 20_000)
    assert counts.outcome("login", "invalid_credentials") == 1
    assert counts.outcome("register", "invalid") == 1
    assert counts.outcome("access", "not_authenticated") == 1
    assert counts.outcome("login", "payload_too_large") == 1


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
