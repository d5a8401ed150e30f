"""No request, successful or failed, puts a secret into the log; at DEBUG, in both formats."""

import json
import re
import time
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import pytest
from django.conf import settings

from accounts.conf import conf
from tests.support.api import JSON
from tests.support.http import decode_claims, decode_header, forge, sign
from tests.support.processes import Service, run_service
from tests.support.recording_client import RecordingClient
from tests.support.secrets import Secrets
from tests.support.valkey import wait_until

FIRST, SECOND, WRONG = "first-Pass/word+7 ü", "second Password?&=9", "mistaken Password#3"
FORM = "application/x-www-form-urlencoded"
ACCESS_LINE = {
    "json": re.compile(r'"logger":"authproject\.access"'),
    "console": re.compile(r"^\S+ INFO     \d\d\d [A-Z]", re.MULTILINE),
}
numbers = count(1)


class RecordedService(NamedTuple):
    service: Service
    secrets: Secrets
    log_format: str


@pytest.fixture(scope="module", params=["json", "console"])
def recorded_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RecordedService]:
    """A service with a journal; after its last line, all of its log is searched."""
    folder = tmp_path_factory.mktemp("service")
    journal = folder / "accounts.jsonl"
    secrets = Secrets(conf.SECRET_KEY, settings.SECRET_KEY, FIRST, SECOND, WRONG)
    options = {
        "LOG_FORMAT": request.param,
        "STORE_URL": f"file://{journal}",
        "ROTATE_REFRESH_TOKENS": "true",
        "REFRESH_REUSE_GRACE_SECONDS": "1000",
        "TRACK_SESSIONS": "true",
    }
    with run_service(folder, **options) as service:
        yield RecordedService(service, secrets, request.param)
    secrets.add(*re.findall(r"bcrypt_sha256[^\"]+", journal.read_text()))
    assert secrets.find_in(service.log) == []


@pytest.fixture
def client(recorded_service: RecordedService) -> Iterator[RecordingClient]:
    """A client for a user of its own; what is logged meanwhile is searched."""
    service, secrets, log_format = recorded_service
    start = len(service.log)
    client = RecordingClient(service, secrets, f"somebody{next(numbers)}@example.com")
    yield client
    assert client.requests > 1
    # Otherwise the search would find nothing in a log without lines. The last ones may come late.
    wait_until(
        lambda: len(ACCESS_LINE[log_format].findall(service.log[start:])) >= client.requests - 1
    )
    assert secrets.find_in(service.log[start:]) == []


def register_and_log_in(client: RecordingClient) -> tuple[str, str]:
    client.register(FIRST)
    tokens = client.log_in(FIRST).json()
    return tokens["access_token"], tokens["refresh_token"]


def test_account_flow_logs_no_secret(client: RecordingClient) -> None:
    access, refresh = register_and_log_in(client)
    assert client.profile(access).status == 200
    successor = client.post("refresh", {"refresh_token": refresh}).json()["refresh_token"]
    assert client.post("refresh", {"refresh_token": refresh}).status == 200
    last = client.post("refresh", {"refresh_token": successor}).json()["refresh_token"]
    assert client.post("refresh", {"refresh_token": refresh}).json()["code"] == "token_reused"
    assert client.post("logout", {"refresh_token": last}).status == 204
    access = client.log_in(FIRST).json()["access_token"]
    change = {"current_password": FIRST, "new_password": SECOND}
    fresh = client.post("password", change, token=access).json()["access_token"]
    bearer = f"Bearer {fresh}"
    sessions = client.send("GET", "/api/v1/auth/sessions", Authorization=bearer).json()["sessions"]
    assert [one["current"] for one in sessions] == [True]
    assert client.post("sessions/unknown/revoke", token=fresh).status == 404
    assert client.post("logout-all", token=fresh).status == 204
    assert client.profile(fresh).json()["code"] == "token_revoked"
    assert client.log_in(SECOND).status == 200


def test_invalid_passwords_log_no_secret(client: RecordingClient) -> None:
    access, _ = register_and_log_in(client)
    assert client.log_in(WRONG).status == 401
    assert client.log_in(WRONG, "nobody@example.com").status == 401
    assert client.log_in(WRONG, "no address").status == 400
    assert client.log_in("x" * 2000).status == 401
    assert client.post("register", {"email": client.email, "password": WRONG}).status == 400
    assert client.post("register", {"email": WRONG, "password": WRONG}).status == 400
    for current, new in ((WRONG, SECOND), (FIRST, "short77"), (FIRST, "y" * 2000)):
        client.secrets.add(new)
        change = {"current_password": current, "new_password": new}
        assert client.post("password", change, token=access).status == 400


def test_invalid_bodies_log_no_secret(client: RecordingClient) -> None:
    secret = json.dumps({"email": client.email, "password": WRONG})
    assert client.post_text("login", secret[:-1]).status == 400
    assert client.post_text("login", f'{{"password": "{WRONG}", "number": NaN}}').status == 400
    assert client.post_text("login", "[" * 5000 + secret).status == 400
    assert client.post_text("login", secret + " " * 17_000).status == 413
    assert client.post_text("login", secret, "text/plain").status == 415
    assert client.post_text("login", secret, f"application/{WRONG[:8]}").status == 415
    assert client.post_text("login", secret, f"{FORM}; boundary={WRONG[:8]}").status == 415
    assert client.post_text("login", f'"{WRONG}"').status == 422
    assert client.post("login", {"email": client.email, "password": [WRONG]}).status == 422
    assert client.post("login", {"email": {WRONG: WRONG}, WRONG: WRONG}).status == 422
    for path in ("register", "refresh", "logout", "password"):
        client.post_text(path, secret[:-1])
        client.post(path, {"password": {"secret": WRONG}, "refresh_token": [WRONG]})


def test_invalid_tokens_log_no_secret(client: RecordingClient) -> None:
    access, refresh = register_and_log_in(client)
    now = int(time.time())
    header, claims = decode_header(access), decode_claims(access)
    bad = [
        forge(access, exp=now - 1),
        forge(access, exp=10**30),
        forge(access, {"kid": "0123456789abcdef"}),
        forge(access, {"kid": "/etc/passwd"}),
        forge(access, {"alg": "none"}),
        forge(access, {"crit": ["exp"]}),
        forge(access, ver="x" * 32),
        forge(access, iat=now + 5000),
        forge(access, sub="somebody-else@example.com"),
        forge(access, sub=...),
        sign(header, claims, key="x" * 32),
        f"{access}x",
        access[:-10],
        f"{access}.{access}",
        refresh,
    ]
    for token in bad:
        client.secrets.add(token)
        client.profile(token)
        client.post("refresh", {"refresh_token": token})
        client.post("logout", {"refresh_token": token})
        client.post("logout-all", token=token)
        client.post("password", {"current_password": FIRST, "new_password": SECOND}, token=token)
    client.post("refresh", {"refresh_token": forge(refresh, exp=now - 1)})


def test_secrets_in_wrong_places_log_no_secret(client: RecordingClient) -> None:
    access, refresh = register_and_log_in(client)
    quoted = WRONG.replace(" ", "%20").replace("#", "%23")
    for token in (access, refresh):
        client.send("GET", f"/api/v1/protected/profile?access_token={token}&password={quoted}")
        client.send("POST", f"/api/v1/auth/login?password={quoted}&token={token}")
        client.send("GET", f"/api/v1/protected/{token}")
        client.send(
            "POST", f"/api/v1/auth/sessions/{token}/revoke", Authorization=f"Bearer {access}"
        )
        client.send("GET", f"/api/v1/protected/profile/{token}/?{token}")
        client.send("GET", f"/%65yJ{token[3:]}")
        client.send("GET", "/health", X_Request_ID=token)
        client.send("GET", "/health", X_Request_ID=WRONG)
        client.send("GET", "/health", User_Agent=token, Referer=f"http://localhost/{token}")
        client.send("GET", "/api/v1/protected/profile", Host=token)
        client.send("GET", "/api/v1/protected/profile", Host=f"{WRONG[:8]}:80")
        client.send("OPTIONS", "/api/v1/auth/login", Origin=f"http://{token}")
        client.send("GET", "/", Accept=token, Accept_Language=token)
        client.send("POST", "/api/v1/auth/login", Content_Type=token, Content_Length="0")
        client.send("GET", "/api/v1/protected/profile", Cookie=f"browsable_access={token}")
        client.send("GET", "/api/v1/protected/profile", Cookie=f"{token}={token}; session={WRONG}")
        client.send("GET", "/api/v1/protected/profile", Authorization=f"Token {token}")
        client.send("GET", "/api/v1/protected/profile", Authorization=f"Bearer {token} {token}")
        client.send("GET", "/api/v1/protected/profile", Authorization=token)
        client.send(token, "/health")
    client.send_basic_auth(WRONG)


def test_browsable_api_logs_no_secret(client: RecordingClient) -> None:
    register_and_log_in(client)
    client.browse(FIRST)
    form = f"email={client.email}&password={WRONG}&csrfmiddlewaretoken={'c' * 64}"
    client.secrets.add("c" * 64)
    for path in ("/browse/login", "/browse/logout"):
        response = client.send("POST", path, form.encode(), Content_Type=FORM, Accept="text/html")
        assert response.status == 403
    assert client.send("POST", "/browse/login", {"password": WRONG}, Accept=JSON).status == 406


@pytest.mark.parametrize(
    "text",
    [
        "sent: a secret of ours",
        '{"password": "a secret of ours"}',
        "GET /?q=a%20secret%20of%20ours",
        "a+secret+of+ours",
        "A SECRET OF OURS",
        "YSBzZWNyZXQgb2Ygb3Vycw==",
        "eyJzdWIiOiJ1In0",
        "signature-of-it",
    ],
)
def test_search_finds_encoded_secret(text: str) -> None:
    secrets = Secrets("a secret of ours", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.signature-of-it")
    assert secrets.find_in(f"a line\n{text}\n")
    assert secrets.find_in("a line eyJhbGciOiJIUzI1NiJ9\n") == []


def test_short_secret_is_rejected() -> None:
    assert Secrets("short77").find_in("a line short77\n") == ["short77"]
    with pytest.raises(AssertionError, match="too short"):
        Secrets("short7")
