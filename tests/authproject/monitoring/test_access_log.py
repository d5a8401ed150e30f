"""Access and security lines in the log."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from accounts.services import Services
from accounts.signals import security_event
from authproject.monitoring.formatters import request_id
from authproject.monitoring.middleware import MAX_PATH_LENGTH
from tests.support.api import EMAIL, Api, MovableClock
from tests.support.browser_client import LOGIN, Browser
from tests.support.http import forge, send
from tests.support.logs import LogLines
from tests.support.sessions import LIFETIME


def test_access_line_has_documented_fields(api: Api, lines: LogLines) -> None:
    api.client.get("/health?secret=1", headers={"X-Request-ID": "mine"})
    (line,) = lines.json("authproject.access")
    assert line.pop("timestamp").endswith("+00:00")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "level": "INFO",
        "logger": "authproject.access",
        "message": "GET /health 200",
        "request_id": "mine",
        "method": "GET",
        "path": "/health",
        "route": "/health",
        "status": 200,
        "client": "127.0.0.1",
    }


def test_access_line_of_unknown_path_has_no_route(api: Api, lines: LogLines) -> None:
    api.client.get("/nowhere")
    assert lines.json("authproject.access")[0]["route"] is None


def test_access_line_of_failed_csrf_check_has_reason(
    browser: Browser, api: Api, lines: LogLines
) -> None:
    for origin in (browser.origin, "http://localhost:3000"):
        browser.client.post(LOGIN, {}, headers={"Accept": "text/html", "Origin": origin})
    outcome = [(line.get("code"), line.get("reason")) for line in lines.json("authproject.access")]
    assert outcome[-2:] == [("csrf_failed", "csrf_token"), ("csrf_failed", "origin")]


def test_access_line_of_error_has_code_and_reason(
    api: Api, lines: LogLines, clock: MovableClock
) -> None:
    api.client.get("/nowhere")
    token = api.register_and_log_in()["access_token"]
    clock.advance(1000)
    api.profile(token)
    api.refresh(token)
    outcome = [(line.get("code"), line.get("reason")) for line in lines.json("authproject.access")]
    assert outcome == [
        ("not_found", None),
        (None, None),
        (None, None),
        ("token_expired", "expired 100 s ago"),
        ("token_invalid", "wrong_type"),
    ]


def test_access_line_of_logout_without_session_says_so(
    api: Api, lines: LogLines, clock: MovableClock
) -> None:
    token = api.register_and_log_in()["refresh_token"]
    expired = api.login().json()["access_token"]
    for text in (token, token, "garbage", forge(token, ver="another stamp")):
        api.logout(text)
    clock.advance(LIFETIME)
    api.logout(expired)
    logouts = [line for line in lines.json("authproject.access") if "logout" in line["path"]]
    assert [line["status"] for line in logouts] == [204] * 5
    assert [line.get("code") for line in logouts] == [None] + ["no_session"] * 4


def test_token_in_path_is_masked(api: Api, lines: LogLines) -> None:
    token = api.register_and_log_in()["access_token"]
    _, payload, signature = token.split(".")
    api.client.get(f"/api/v1/{token}/profile")
    api.client.get(f"/{payload}.{signature}")
    outcome = [line["path"] for line in lines.json("authproject.access")][-2:]
    assert outcome == ["/api/v1/***/profile", "/***"]


def test_token_in_line_of_other_logger_is_masked(api: Api, lines: LogLines) -> None:
    token = api.register_and_log_in()["access_token"]
    bug = RuntimeError(f"could not read {token}!")
    logging.getLogger("somebody").error("of %s", token, exc_info=bug, extra={"given": token})
    (line,) = lines.json("somebody")
    assert (line["message"], line["given"]) == ("of ***", "***")
    assert line["exception"] == "RuntimeError: could not read ***!"


def test_unknown_method_is_cut(api: Api, lines: LogLines) -> None:
    send(api, "/health", method="PROPFIND")
    send(api, "/health", method="M" * 5000)
    outcome = [line["method"] for line in lines.json("authproject.access")]
    assert outcome == ["PROPFIND", "M" * 16]


def test_request_id_outside_request_is_null(lines: LogLines) -> None:
    logging.getLogger("somebody").warning("hello")
    assert lines.json("somebody")[0]["request_id"] is None


def test_request_id_is_reset_after_request(api: Api) -> None:
    api.client.get("/health")
    assert request_id.get() is None


@pytest.mark.parametrize("path", ["/a%0AERROR%20forged", "/a%0D%0A", "/%1b[31m", "/\u2028x"])
def test_line_break_in_path_is_escaped(api: Api, lines: LogLines, path: str) -> None:
    api.client.get(path)
    assert len(lines.text.splitlines()) == 1


def test_login_logs_owasp_events(api: Api, lines: LogLines) -> None:
    api.register()
    api.login(password="wrong password")
    api.login()
    events = [
        (line["event"], line["level"], line["user"]) for line in lines.json("authproject.security")
    ]
    assert events == [
        ("user_created", "INFO", EMAIL),
        ("authn_login_fail", "WARNING", EMAIL),
        ("authn_login_success", "INFO", EMAIL),
        ("authn_token_created", "INFO", EMAIL),
    ]


def test_security_event_has_request_id(api: Api, lines: LogLines) -> None:
    response = api.register()
    assert lines.json("authproject.security")[0]["request_id"] == response["X-Request-ID"]


def test_token_reuse_is_critical(api: Api, lines: LogLines, start: Callable[..., Services]) -> None:
    start(ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    spent = api.register_and_log_in()["refresh_token"]
    api.refresh(spent)
    api.refresh(spent)
    outcome = lines.json("authproject.security")[-1]
    assert (outcome["event"], outcome["level"]) == ("authn_token_reuse", "CRITICAL")


def test_client_error_is_logged_once(api: Api, lines: LogLines) -> None:
    api.client.get("/health/nowhere")
    api.client.generic("POST", "/", b"x" * 20_000)
    assert [line["logger"] for line in map(json.loads, lines.text.splitlines())] == [
        "authproject.access",
        "authproject.access",
    ]


def test_unavailable_store_is_not_logged_as_bug(
    api: Api, lines: LogLines, start: Callable[..., Services]
) -> None:
    start(STORE_URL="redis://127.0.0.1:1/0")
    assert api.client.get("/health/ready").status_code == 503
    assert lines.json("django.request") == []


def test_failing_signal_receiver_does_not_break_request(api: Api) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError

    security_event.connect(fail)
    try:
        assert api.register().status_code == 201
    finally:
        security_event.disconnect(fail)


def test_access_log_can_be_disabled_by_level(api: Api, lines: LogLines) -> None:
    logger = logging.getLogger("authproject.access")
    logger.setLevel(logging.WARNING)
    try:
        api.client.get("/health")
    finally:
        logger.setLevel(logging.NOTSET)
    assert lines.json("authproject.access") == []


def get_logged_path(api: Api, lines: LogLines, path: str) -> str:
    send(api, path, method="GET")
    line = lines.json("authproject.access")[-1]
    assert line["message"] == f"GET {line['path']} 404"
    shown: str = line["path"]
    return shown


@pytest.mark.parametrize("character", ["a", "%ff", "%20", "%F0%9F%98%80", "%00", "ü", "."])
def test_long_path_is_cut(api: Api, lines: LogLines, character: str) -> None:
    shown = get_logged_path(api, lines, "/" + character * 5000)
    assert len(shown) <= MAX_PATH_LENGTH + 1
    assert shown.endswith("…")
    assert len(lines.text) < 4 * MAX_PATH_LENGTH


def test_path_of_maximum_length_is_logged_whole(api: Api, lines: LogLines) -> None:
    path = "/" + "a" * (MAX_PATH_LENGTH - 1)
    assert get_logged_path(api, lines, path) == path
    assert get_logged_path(api, lines, f"{path}b") == f"{path}…"


def test_path_too_long_when_escaped_is_cut(api: Api, lines: LogLines) -> None:
    assert get_logged_path(api, lines, "/" + "%20" * 171) == "/" + "%20" * 170 + "%" + "…"


@pytest.mark.parametrize("lead", range(MAX_PATH_LENGTH - 60, MAX_PATH_LENGTH + 5, 4))
def test_cut_path_shows_no_part_of_token(api: Api, lines: LogLines, lead: int) -> None:
    _, payload, signature = api.register_and_log_in()["access_token"].split(".")
    shown = get_logged_path(api, lines, f"/{'a' * lead}/{payload}.{signature}/x")
    assert "eyJ" not in shown
    assert len(shown) <= MAX_PATH_LENGTH + 1
