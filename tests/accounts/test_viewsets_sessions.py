"""`GET auth/sessions` and `POST auth/sessions/{id}/revoke`, with `TRACK_SESSIONS`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.domain.events import Event
from accounts.domain.sessions import MAX_LISTED_SESSIONS
from tests.support.api import EMAIL, Api, MovableClock
from tests.support.browser_client import Browser
from tests.support.http import Start, decode_claims, get_error, send
from tests.support.sessions import (
    LIFETIME,
    REUSED,
    REVOKED,
    change_password,
    record_signals,
    rotate,
)
from tests.support.valkey import Server, ask

OTHER_EMAIL = "other@example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NOT_FOUND = (404, "not_found")


@pytest.fixture
def api(start: Start) -> Api:
    start(TRACK_SESSIONS=True)
    return Api()


def list_sessions(api: Api, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    response = api.get("auth/sessions", token=tokens["access_token"])
    assert response.status_code == 200, response.json()
    sessions: list[dict[str, Any]] = response.json()["sessions"]
    return sessions


def list_ids(api: Api, tokens: dict[str, Any]) -> list[str]:
    return [session["id"] for session in list_sessions(api, tokens)]


def get_id(tokens: dict[str, Any]) -> str:
    return str(decode_claims(tokens["access_token"])["sid"])


def revoke(api: Api, tokens: dict[str, Any], sid: str) -> Any:
    return api.post(f"auth/sessions/{sid}/revoke", token=tokens["access_token"])


def log_in(api: Api, clock: MovableClock, times: int = 1) -> list[dict[str, Any]]:
    """Log in `times` times, a second apart. Return all token pairs."""
    pairs = []
    for _ in range(times):
        clock.advance(1)
        pairs.append(api.login().json())
    return pairs


# The list


def test_login_is_listed_with_its_time_and_client(api: Api, clock: MovableClock) -> None:
    api.register()
    body = {"email": EMAIL, "password": "correct horse battery"}
    tokens = api.post("auth/login", body, HTTP_USER_AGENT=FIREFOX).json()
    assert list_sessions(api, tokens) == [
        {
            "id": get_id(tokens),
            "created_at": "2027-01-15T08:00:00.250000Z",
            "last_refreshed_at": None,
            "current": True,
            "client": FIREFOX,
        }
    ]
    assert datetime.fromisoformat("2027-01-15T08:00:00.25Z") == datetime.fromtimestamp(clock(), UTC)


def test_session_after_a_password_change_is_listed_with_its_client(api: Api) -> None:
    api.client.defaults["HTTP_USER_AGENT"] = FIREFOX
    tokens = change_password(api, api.register_and_log_in()["access_token"]).json()
    [session] = list_sessions(api, tokens)
    assert (session["id"], session["client"]) == (get_id(tokens), FIREFOX)


def test_sessions_are_listed_newest_first_and_one_is_current(api: Api, clock: MovableClock) -> None:
    api.register()
    pairs = log_in(api, clock, 3)
    sessions = list_sessions(api, pairs[1])
    assert [one["id"] for one in sessions] == [get_id(pair) for pair in reversed(pairs)]
    assert [one["current"] for one in sessions] == [False, True, False]


def test_sessions_of_others_are_not_listed(api: Api) -> None:
    tokens, other = api.register_and_log_in(), api.register_and_log_in(OTHER_EMAIL)
    assert list_ids(api, tokens) == [get_id(tokens)]
    assert list_ids(api, other) == [get_id(other)]


def test_client_without_user_agent_is_null(api: Api) -> None:
    assert list_sessions(api, api.register_and_log_in())[0]["client"] is None


@pytest.mark.parametrize("rotates", [False, True])
def test_refresh_is_listed(start: Start, clock: MovableClock, rotates: bool) -> None:
    start(TRACK_SESSIONS=True, ROTATE_REFRESH_TOKENS=rotates)
    api = Api()
    tokens = api.register_and_log_in()
    clock.advance(60)
    api.refresh(tokens["refresh_token"])
    [session] = list_sessions(api, tokens)
    assert session["last_refreshed_at"] == "2027-01-15T08:01:00.250000Z"


@pytest.mark.parametrize("by", ["logout", "logout-all", "password", "expiry", "theft", "deletion"])
def test_ended_session_is_not_listed(start: Start, clock: MovableClock, by: str) -> None:
    start(TRACK_SESSIONS=True, ROTATE_REFRESH_TOKENS=True, REFRESH_REUSE_GRACE_SECONDS=0)
    api = Api()
    ended = api.register_and_log_in()
    if by == "logout":
        api.logout(ended["refresh_token"])
    elif by == "logout-all":
        api.post("auth/logout-all", token=ended["access_token"])
    elif by == "password":
        tokens = change_password(api, ended["access_token"]).json()
        assert list_ids(api, tokens) == [get_id(tokens)]
        return
    elif by == "expiry":
        clock.advance(LIFETIME)
    elif by == "theft":
        rotate(api, ended, 1)
        assert get_error(api.refresh(ended["refresh_token"])) == REUSED
    else:
        body = {"current_password": "correct horse battery"}
        api.post("auth/delete-account", body, token=ended["access_token"])
        api.register()
    tokens = api.login().json()
    assert list_ids(api, tokens) == [get_id(tokens)]


def test_session_from_before_the_setting_is_valid_but_not_listed(start: Start, api: Api) -> None:
    service = start(TRACK_SESSIONS=False).accounts
    old = api.register_and_log_in()
    start(TRACK_SESSIONS=True).accounts.store = service.store
    tokens = api.login().json()
    assert list_ids(api, old) == [get_id(tokens)]
    assert api.refresh(old["refresh_token"]).status_code == 200
    assert list_ids(api, old) == [get_id(tokens)]
    assert get_error(revoke(api, tokens, get_id(old))) == NOT_FOUND


# The bound


def test_login_above_the_bound_ends_the_oldest_session(api: Api, clock: MovableClock) -> None:
    api.register()
    pairs = log_in(api, clock, MAX_LISTED_SESSIONS)
    with record_signals() as signals:
        [newest] = log_in(api, clock)
    assert signals.count((Event.TOKEN_REVOKED, EMAIL)) == 1
    assert get_error(api.profile(pairs[0]["access_token"])) == REVOKED
    assert get_error(api.refresh(pairs[0]["refresh_token"])) == REVOKED
    assert list_ids(api, newest) == [get_id(pair) for pair in reversed([*pairs[1:], newest])]


def test_ended_sessions_do_not_count(api: Api, clock: MovableClock) -> None:
    api.register()
    [first] = log_in(api, clock)
    for _ in range(MAX_LISTED_SESSIONS + 5):
        api.logout(log_in(api, clock)[0]["refresh_token"])
    assert list_ids(api, first) == [get_id(first)]


def test_sessions_of_an_old_stamp_end_no_others(api: Api, clock: MovableClock) -> None:
    api.register()
    api.post("auth/logout-all", token=log_in(api, clock, MAX_LISTED_SESSIONS)[0]["access_token"])
    with record_signals() as signals:
        pairs = log_in(api, clock, MAX_LISTED_SESSIONS)
    assert (Event.TOKEN_REVOKED, EMAIL) not in signals
    assert len(list_ids(api, pairs[0])) == MAX_LISTED_SESSIONS


# Revoking one


def test_revoked_session_has_ended_and_the_others_go_on(api: Api, clock: MovableClock) -> None:
    api.register()
    own, other = log_in(api, clock, 2)
    with record_signals() as signals:
        response = revoke(api, own, get_id(other))
    assert (response.status_code, response.content) == (204, b"")
    assert signals == [(Event.TOKEN_REVOKED, EMAIL)]
    assert get_error(api.profile(other["access_token"])) == REVOKED
    assert get_error(api.refresh(other["refresh_token"])) == REVOKED
    assert list_ids(api, own) == [get_id(own)]
    assert get_error(revoke(api, own, get_id(other))) == NOT_FOUND


def test_own_session_may_be_revoked(api: Api) -> None:
    tokens = api.register_and_log_in()
    assert revoke(api, tokens, get_id(tokens)).status_code == 204
    assert get_error(api.profile(tokens["access_token"])) == REVOKED


def test_session_of_another_user_is_not_found_and_goes_on(api: Api) -> None:
    tokens, other = api.register_and_log_in(), api.register_and_log_in(OTHER_EMAIL)
    assert get_error(revoke(api, tokens, get_id(other))) == NOT_FOUND
    assert api.profile(other["access_token"]).status_code == 200


@pytest.mark.parametrize("sid", ["x", "0" * 32, "%00", "%ff", "a%2Fb", "é", "x" * 4000, "}:user"])
def test_unknown_session_is_not_found(api: Api, sid: str) -> None:
    assert get_error(revoke(api, api.register_and_log_in(), sid)) == NOT_FOUND


def test_session_of_an_old_stamp_is_not_found(api: Api) -> None:
    old = api.register_and_log_in()
    tokens = change_password(api, old["access_token"]).json()
    assert get_error(revoke(api, tokens, get_id(old))) == NOT_FOUND


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "auth/sessions"), ("POST", "auth/sessions/x/revoke")]
)
def test_token_is_required(api: Api, method: str, path: str) -> None:
    response = send(api, f"/api/v1/{path}", method=method)
    assert get_error(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


# Without the setting


@pytest.mark.parametrize("path", ["auth/sessions", "auth/sessions/x/revoke"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT"])
def test_disabled_endpoint_is_not_found(start: Start, method: str, path: str) -> None:
    start()
    api = Api()
    token = api.register_and_log_in()["access_token"]
    for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Content-Type": "text/plain"}):
        response = send(api, f"/api/v1/{path}", b"{}", method=method, headers=headers)
        assert get_error(response) == NOT_FOUND


@pytest.mark.parametrize("tracks", [False, True])
def test_front_page_links_the_list_if_it_is_enabled(start: Start, tracks: bool) -> None:
    start(TRACK_SESSIONS=tracks)
    links = Api().client.get("/").json()
    assert ("auth-sessions" in links) == tracks


# In a browser


def test_page_escapes_the_client(browser: Browser) -> None:
    browser.client.defaults["HTTP_USER_AGENT"] = "<script>alert(1)</script>"
    browser.log_in()
    page = browser.open("/api/v1/auth/sessions").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_page_ends_a_session_by_a_form(api: Api, browser: Browser) -> None:
    tokens = api.login().json()
    browser.log_in()
    path = f"/api/v1/auth/sessions/{get_id(tokens)}/revoke"
    page = browser.open(path)
    assert "HTTP 204 No Content" in browser.submit(page, page.form(path)).text
    assert get_error(api.profile(tokens["access_token"])) == REVOKED


def test_failed_login_takes_no_longer_with_sessions(
    start: Start, valkey_url: str, valkey_server: Server
) -> None:
    """The sessions are read when the password was right: its time would tell an account."""
    start(TRACK_SESSIONS=True, STORE_URL=valkey_url)
    api = Api()
    api.register()
    api.login()
    ask(valkey_server.port, "CONFIG", "RESETSTAT")
    assert api.login(password="wrong horse").status_code == 401
    assert b"cmdstat_eval" not in ask(valkey_server.port, "INFO", "commandstats")
