"""Every flow and every failure, over HTTP, at DEBUG, in both formats: no secret in any output."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.api import JSON
from tests.support.http import decode_claims, decode_header, forge, sign
from tests.support.processes import serving
from tests.support.recording_client import EMAIL, Visitor
from tests.support.secrets import Secrets

FIRST, SECOND, WRONG = "first-Pass/word+7 ü", "second Password?&=9", "mistaken Password#3"
FORM = "application/x-www-form-urlencoded"
ACCESS_LINE = {
    "json": re.compile(r'"logger":"authproject\.access"'),
    "console": re.compile(r"^\S+ INFO     \d\d\d [A-Z]", re.MULTILINE),
}


@pytest.fixture(params=["json", "console"])
def visitor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor of a service that keeps a journal; afterwards, the search."""
    secrets = Secrets(settings.JWT_SECRET_KEY, settings.SECRET_KEY, FIRST, SECOND, WRONG)
    journal = tmp_path / "accounts.jsonl"
    options = {
        "LOG_FORMAT": request.param,
        "STORE_URL": f"file://{journal}",
        "ROTATE_REFRESH_TOKENS": "true",
        "REFRESH_REUSE_GRACE_SECONDS": "1000",
    }
    with serving(tmp_path, **options) as service:
        visitor = Visitor(service, secrets)
        yield visitor
    hashes = re.findall(r"bcrypt_sha256[^\"]+", journal.read_text()) if journal.exists() else []
    secrets.keep(*hashes)
    assert secrets.found_in(service.log) == []
    # The search has had something to search.
    assert len(ACCESS_LINE[request.param].findall(service.log)) >= visitor.requests > 0


def enter(visitor: Visitor, email: str = EMAIL) -> tuple[str, str]:
    visitor.post("register", {"email": email, "password": FIRST})
    tokens = visitor.log_in(FIRST, email).json()
    return tokens["access_token"], tokens["refresh_token"]


def test_an_account_s_life(visitor: Visitor) -> None:
    access, refresh = enter(visitor)
    assert visitor.profile(access).status == 200
    successor = visitor.post("refresh", {"refresh_token": refresh}).json()["refresh_token"]
    assert visitor.post("refresh", {"refresh_token": refresh}).status == 200
    last = visitor.post("refresh", {"refresh_token": successor}).json()["refresh_token"]
    assert visitor.post("refresh", {"refresh_token": refresh}).json()["code"] == "token_reused"
    assert visitor.post("logout", {"refresh_token": last}).status == 204
    access = visitor.log_in(FIRST).json()["access_token"]
    change = {"current_password": FIRST, "new_password": SECOND}
    fresh = visitor.post("password", change, token=access).json()["access_token"]
    assert visitor.post("logout-all", token=fresh).status == 204
    assert visitor.profile(fresh).json()["code"] == "token_revoked"
    assert visitor.log_in(SECOND).status == 200


def test_passwords_that_are_refused(visitor: Visitor) -> None:
    access, _ = enter(visitor)
    assert visitor.log_in(WRONG).status == 401
    assert visitor.log_in(WRONG, "nobody@example.com").status == 401
    assert visitor.log_in(WRONG, "no address").status == 400
    assert visitor.log_in("x" * 2000).status == 401
    assert visitor.post("register", {"email": EMAIL, "password": WRONG}).status == 400
    assert visitor.post("register", {"email": WRONG, "password": WRONG}).status == 400
    for current, new in ((WRONG, SECOND), (FIRST, "short77"), (FIRST, "y" * 2000)):
        visitor.secrets.keep(new)
        change = {"current_password": current, "new_password": new}
        assert visitor.post("password", change, token=access).status == 400


def test_bodies_that_are_refused(visitor: Visitor) -> None:
    secret = json.dumps({"email": EMAIL, "password": WRONG})
    assert visitor.raw("login", secret[:-1]).status == 400
    assert visitor.raw("login", f'{{"password": "{WRONG}", "number": NaN}}').status == 400
    assert visitor.raw("login", "[" * 5000 + secret).status == 400
    assert visitor.raw("login", secret + " " * 17_000).status == 413
    assert visitor.raw("login", secret, "text/plain").status == 415
    assert visitor.raw("login", secret, f"application/{WRONG[:8]}").status == 415
    assert visitor.raw("login", secret, f"{FORM}; boundary={WRONG[:8]}").status == 422
    assert visitor.raw("login", f'"{WRONG}"').status == 422
    assert visitor.post("login", {"email": EMAIL, "password": [WRONG]}).status == 422
    assert visitor.post("login", {"email": {WRONG: WRONG}, WRONG: WRONG}).status == 422
    for path in ("register", "refresh", "logout", "password"):
        visitor.raw(path, secret[:-1])
        visitor.post(path, {"password": {"secret": WRONG}, "refresh_token": [WRONG]})


def test_tokens_that_are_refused(visitor: Visitor) -> None:
    access, refresh = enter(visitor)
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
        visitor.secrets.keep(token)
        visitor.profile(token)
        visitor.post("refresh", {"refresh_token": token})
        visitor.post("logout", {"refresh_token": token})
        visitor.post("logout-all", token=token)
        visitor.post("password", {"current_password": FIRST, "new_password": SECOND}, token=token)
    visitor.post("refresh", {"refresh_token": forge(refresh, exp=now - 1)})


def test_secrets_in_places_where_they_do_not_belong(visitor: Visitor) -> None:
    access, refresh = enter(visitor)
    quoted = WRONG.replace(" ", "%20").replace("#", "%23")
    for token in (access, refresh):
        visitor.send("GET", f"/api/v1/protected/profile?access_token={token}&password={quoted}")
        visitor.send("POST", f"/api/v1/auth/login?password={quoted}&token={token}")
        visitor.send("GET", f"/api/v1/protected/{token}")
        visitor.send("GET", f"/api/v1/protected/profile/{token}/?{token}")
        visitor.send("GET", f"/%65yJ{token[3:]}")
        visitor.send("GET", "/health", X_Request_ID=token)
        visitor.send("GET", "/health", X_Request_ID=WRONG)
        visitor.send("GET", "/health", User_Agent=token, Referer=f"http://localhost/{token}")
        visitor.send("GET", "/api/v1/protected/profile", Host=token)
        visitor.send("GET", "/api/v1/protected/profile", Host=f"{WRONG[:8]}:80")
        visitor.send("OPTIONS", "/api/v1/auth/login", Origin=f"http://{token}")
        visitor.send("GET", "/", Accept=token, Accept_Language=token)
        visitor.send("POST", "/api/v1/auth/login", Content_Type=token, Content_Length="0")
        visitor.send("GET", "/api/v1/protected/profile", Cookie=f"browsable_access={token}")
        visitor.send("GET", "/api/v1/protected/profile", Cookie=f"{token}={token}; session={WRONG}")
        visitor.send("GET", "/api/v1/protected/profile", Authorization=f"Token {token}")
        visitor.send("GET", "/api/v1/protected/profile", Authorization=f"Bearer {token} {token}")
        visitor.send("GET", "/api/v1/protected/profile", Authorization=token)
        visitor.send(token, "/health")
    visitor.basic(WRONG)


def test_the_browsable_api_s_pages(visitor: Visitor) -> None:
    enter(visitor)
    visitor.browse(FIRST)
    form = f"email={EMAIL}&password={WRONG}&csrfmiddlewaretoken={'c' * 64}"
    visitor.secrets.keep("c" * 64)
    for path in ("/browse/login", "/browse/logout"):
        answer = visitor.send("POST", path, form.encode(), Content_Type=FORM, Accept="text/html")
        assert answer.status == 403
    assert visitor.send("POST", "/browse/login", {"password": WRONG}, Accept=JSON).status == 406


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
def test_the_search_finds_what_it_looks_for(text: str) -> None:
    secrets = Secrets("a secret of ours", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.signature-of-it")
    assert secrets.found_in(f"a line\n{text}\n")
    assert secrets.found_in("a line eyJhbGciOiJIUzI1NiJ9\n") == []


def test_what_would_not_be_searched_for_is_not_taken() -> None:
    assert Secrets("short77").found_in("a line short77\n") == ["short77"]
    with pytest.raises(AssertionError, match="too short"):
        Secrets("short7")
