"""Published weaknesses of Django, DRF and parsers, tried over HTTP.

Each test is named by an advisory, and sends its attack.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from django.utils.translation import trans_real

from accounts.domain.users import EmailAddress
from accounts.passwords.hasher import BcryptHasher
from authproject.init_env import EXAMPLE, init_env
from authproject.monitoring.formatters import ConsoleFormatter, JSONLineFormatter
from tests.support.api import EMAIL, PASSWORD, Api, get_field_codes
from tests.support.browser_client import Browser
from tests.support.http import BODIES, FORM, LIMIT, Start, get_error, send
from tests.support.logs import LogLines, capture_log_lines
from tests.support.passwords import record_costs

SECONDS = 3.0
"""Far above what these requests take, and far below what their attacks took."""
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(params=[JSONLineFormatter, ConsoleFormatter], ids=["json", "console"])
def lines(request: pytest.FixtureRequest) -> Iterator[LogLines]:
    yield from capture_log_lines(request.param())


@pytest.fixture
def quick(api: Api) -> Iterator[None]:
    """Fail if the test takes as long as the attack that it names."""
    api.client.get("/", headers={"Accept": "text/html"})  # the first page loads the templates
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < SECONDS


CHANGES: dict[str, Any] = {
    EMAIL: {},
    "disabled@example.com": {"disabled": True},
    "unusable@example.com": {"password_hash": "!"},
}


@pytest.mark.parametrize("email", ["nobody@example.com", *CHANGES])
def test_cve_2024_39329_time_of_a_login(
    start: Start, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django hashed nothing for accounts with an unusable password; and CVE-2025-13473.

    The work is counted, because time is noise: bench/side_channels.py measures it.
    https://www.djangoproject.com/weblog/2024/jul/09/security-releases/
    """
    service, api = start().accounts, Api()
    for known, change in CHANGES.items():
        api.register(known)
        service.store.update_user(EmailAddress(known), partial(replace, **change))
    costs = record_costs(cast(BcryptHasher, service.hasher), monkeypatch)
    response = api.login(email, "wrong password")
    assert get_error(response) == (401, "invalid_credentials")
    assert costs == [4]


def test_cve_2024_45231_accounts_by_status(api: Api) -> None:
    """Django's password reset told by its status which e-mail has an account.

    https://www.djangoproject.com/weblog/2024/sep/03/security-releases/
    """
    api.register()
    known, unknown = api.login(EMAIL, "wrong password"), api.login("nobody@example.com")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert known.headers.keys() == unknown.headers.keys()
    for path in ("auth/reset-password", "auth/forgot-password", "auth/password-reset"):
        assert api.post(path, {"email": EMAIL}).status_code == 404


@pytest.mark.parametrize(
    "email", ["m\u0131ke@example.com", "mike@example\u212a.com", "miKe@example.com\u0130"]
)
def test_cve_2019_19844_email_that_changes_by_case(api: Api, email: str) -> None:
    """Django found another user's account by an address that is equal in upper case only.

    https://www.djangoproject.com/weblog/2019/dec/18/security-releases/
    """
    api.register("mike@example.com")
    api.register(email, "another password of mine")
    assert api.login("mike@example.com", "another password of mine").status_code == 401
    assert api.login("mike@example.com").status_code == 200


def test_okta_2024_password_beyond_72_bytes(api: Api) -> None:
    """bcrypt ignores what follows the 72nd byte: a long user name let any password in.

    https://trust.okta.com/security-advisories/okta-ad-ldap-delegated-authentication-username/
    """
    email = f"{'u' * 60}@example.com"
    api.register(email, "x" * 72 + "right")
    for password in ("x" * 72 + "wrong", "x" * 72, "x" * 73, "x" * 72 + "\0right"):
        assert get_error(api.login(email, password)) == (401, "invalid_credentials")
    assert api.login(email, "x" * 72 + "right").status_code == 200


@pytest.mark.parametrize("path", ["/%0aINFO%20forged", "/%1b[2K%1b[1A", "/a%0d%0ab", "/%e2%80%a8x"])
def test_cve_2025_48432_log_injection(api: Api, lines: LogLines, path: str) -> None:
    """Django logged the path as it came: a line break began a line of the attacker's.

    https://www.djangoproject.com/weblog/2025/jun/04/security-releases/
    """
    assert api.client.get(path).status_code == 404
    api.client.get("/health", headers={"X-Request-ID": "a\nforged", "User-Agent": "a\x1b[2Jb\nx"})
    api.login("a\nforged@example.com")
    assert not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f\u0085\u2028\u2029]|^(INFO )?forged", lines.text, re.MULTILINE
    )


@pytest.mark.parametrize("value", ["en-" + "x" * 16_000, "en," * 5000, "x" * 600, "en-\u0130"])
def test_cve_2026_77050_accept_language(api: Api, quick: None, value: str) -> None:
    """Django parsed and kept each value of `Accept-Language`.

    https://www.djangoproject.com/weblog/2026/oct/06/security-releases/, and CVE-2023-23969,
    CVE-2024-39614
    """
    caches = [one for one in vars(trans_real).values() if hasattr(one, "cache_info")]
    assert caches
    api.client.get("/", headers={"Accept-Language": value, "Accept": "text/html"})
    assert {cache.cache_info().currsize for cache in caches} == {0}


EMAILS = [
    *("\u0660" * 4000, "\u30fb" * 4000 + "\u6f22", "xn--" + "a" * 4000, "a." * 4000, "-" * 8000),
    *("[::" + ":" * 8000 + "]", "[" + "1:" * 4000 + "]", "\u2f81" * 3000),
]


@pytest.mark.parametrize("domain", EMAILS, ids=lambda value: ascii(value[:8]))
def test_cve_2026_45409_email_of_costly_letters(api: Api, quick: None, domain: str) -> None:
    """idna and Django's validators took quadratic time for long domains and literals.

    https://nvd.nist.gov/vuln/detail/CVE-2026-45409, and CVE-2024-3651,
    CVE-2023-36053, CVE-2024-56374, CVE-2026-25673
    """
    for path in ("auth/register", "auth/login"):
        for email in (f"a@{domain}", f"{domain}@example.com", f'"{domain}"@example.com'):
            answer = api.post(path, {"email": email, "password": PASSWORD})
            assert answer.status_code in {400, 413}


@pytest.mark.parametrize("character", ["\ufdfa", "\u0344", "a\u0315\u0300", "\u1e9b\u0323"])
def test_cve_2023_46695_password_of_costly_letters(api: Api, quick: None, character: str) -> None:
    """Django normalized user names of any length, which is slow.

    https://www.djangoproject.com/weblog/2023/nov/01/security-releases/, and CVE-2025-27556
    """
    password = (character * 5000)[: LIMIT // 8]
    assert api.login(EMAIL, password).status_code == 401
    assert get_field_codes(api.register(EMAIL, password))["password"] == ["password_too_long"]


NESTED = [
    b"[" * LIMIT,
    b'{"a":' * (LIMIT // 5),
    b"[" * 8000 + b"]" * 8000,
    b'{"email":' + b"[" * 900,
]


@pytest.mark.parametrize("body", NESTED, ids=lambda body: repr(body[:8]))
def test_cve_2024_27454_nested_json(api: Api, quick: None, body: bytes) -> None:
    """orjson followed nested JSON until the stack overflowed.

    https://nvd.nist.gov/vuln/detail/CVE-2024-27454
    """
    assert get_error(send(api, "/api/v1/auth/login", body)) == (400, "parse_error")


def test_cve_2020_10735_number_of_many_digits(api: Api, quick: None) -> None:
    """Python turned digits into an integer in quadratic time.

    https://nvd.nist.gov/vuln/detail/CVE-2020-10735
    """
    for digits in (b"9" * 16_000, b"1e" + b"9" * 15_000, b"-" + b"1" * 400):
        answer = send(api, "/api/v1/auth/login", b'{"email": %s}' % digits)
        assert answer.status_code in {400, 422}


@pytest.mark.parametrize("path", [*BODIES, "auth/logout-all"])
@pytest.mark.parametrize("kind", ["application/json", FORM, "multipart/form-data; boundary=x"])
def test_cve_2026_73228_body_above_the_limit(api: Api, path: str, kind: str) -> None:
    """DRF's parsers read bodies that Django's limit would have refused.

    https://nvd.nist.gov/vuln/detail/CVE-2026-73228
    """
    token, headers = api.register_and_log_in()["access_token"], {"Accept": "text/html"}
    body = b'{"email": "%s"}' % (b"x" * LIMIT)
    answer = send(api, f"/api/v1/{path}", body, kind, token=token, headers=headers)
    assert answer.status_code == 413


def test_cve_2026_73229_error_page_shows_what_get_would(api: Api) -> None:
    """DRF's admin page showed an invalid write's GET representation without a check.

    https://nvd.nist.gov/vuln/detail/CVE-2026-73229
    """
    api.register()
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        answer = send(
            api, "/api/v1/protected/profile", b"[", method=method, headers={"Accept": "text/html"}
        )
        assert answer.status_code == 401
        assert "This is protected data" not in answer.content.decode()


MULTIPART = "multipart/form-data; boundary=x"
PARTS = {
    "base64": b'--x\r\nContent-Disposition: form-data; name="email"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n" + b" " * 15_000 + b"\r\n--x--\r\n",
    "many": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 300 + b"--x--\r\n",
    "endless": b"--x\r\n\r\n--",
    "header": b"--x\r\nContent-Disposition: form-data" + b";" * 8000 + b"\r\n\r\n\r\n--x--\r\n",
    "file": b'--x\r\nContent-Disposition: form-data; name="email"; '
    b'filename="../../../../tmp/evil"\r\n\r\nevil\r\n--x--\r\n',
}


@pytest.mark.parametrize("body", PARTS.values(), ids=list(PARTS))
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_cve_2026_33033_multipart_form(api: Api, quick: None, body: bytes, accept: str) -> None:
    """Django's parser of uploads took too much time or memory, or wrote files elsewhere.

    https://www.djangoproject.com/weblog/2026/apr/07/security-releases/, and CVE-2026-108147,
    CVE-2023-24580, CVE-2022-23833, CVE-2021-28658
    """
    headers = {"Accept": accept}
    answer = send(api, "/api/v1/auth/login", body, MULTIPART, headers=headers)
    assert answer.status_code in {400, 413, 415, 422}
    assert not Path("/tmp/evil").exists()


def test_cve_2023_24580_form_of_many_fields(api: Api, quick: None) -> None:
    """A form of very many fields or files kept Django busy.

    https://www.djangoproject.com/weblog/2023/feb/14/security-releases/
    """
    form, headers = b"a=&" * (LIMIT // 3), {"Accept": "text/html"}
    kind = "application/x-www-form-urlencoded"
    assert get_error(send(api, "/api/v1/auth/login", form, kind))[0] == 415
    assert send(api, "/api/v1/auth/login", form, kind, headers=headers).status_code == 400


@pytest.mark.parametrize("path", ["/api/v1/protected/profile%0A", "/health%0a", "/docs%0A"])
def test_cve_2021_44420_path_with_a_line_break(api: Api, path: str) -> None:
    """Django served paths with a line break at their end, which proxies had not forbidden.

    https://www.djangoproject.com/weblog/2021/dec/07/security-releases/
    """
    assert api.client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/%2fevil.example", "/\\evil.example", "/%5cevil.example/"])
def test_cve_2018_14574_open_redirect(api: Api, path: str) -> None:
    """Django sent a browser to another host by a path with two slashes.

    https://www.djangoproject.com/weblog/2018/aug/01/security-releases/, and CVE-2017-7233
    """
    response = api.client.generic("GET", path)
    assert response.status_code == 404
    assert "Location" not in response.headers


def test_cve_2026_35193_private_data_in_a_cache(api: Api) -> None:
    """Django's cache kept responses to requests with credentials.

    https://www.djangoproject.com/weblog/2026/jun/03/security-releases/, and CVE-2026-8404,
    CVE-2026-48587, CVE-2026-48588, CVE-2026-6907, CVE-2026-35192
    """
    pair = api.register_and_log_in()
    responses = [
        *(api.login(), api.refresh(pair["refresh_token"]), api.profile(pair["access_token"])),
        *(api.profile(None), api.profile("forged"), api.login(EMAIL, "wrong password")),
    ]
    assert {response["Cache-Control"] for response in responses} == {"no-store"}


@pytest.mark.parametrize("place", ["value", "field", "query", "path", "header"])
def test_cve_2024_21520_script_in_the_browsable_api(api: Api, place: str) -> None:
    """DRF's pages repeated headers and values without escaping them.

    https://nvd.nist.gov/vuln/detail/CVE-2024-21520, and CVE-2020-25626, CVE-2018-25045
    """
    body: dict[str, Any] = {"email": SCRIPT if place == "value" else EMAIL, "password": PASSWORD}
    if place == "field":
        body[SCRIPT] = SCRIPT
    path = "auth/register" + {"query": f"?next={SCRIPT}", "path": f"/{SCRIPT}"}.get(place, "")
    headers = {"Accept": "text/html"}
    if place == "header":
        headers |= {"X-Request-ID": SCRIPT, "Host": SCRIPT, "User-Agent": SCRIPT}
    response = api.client.post(f"/api/v1/{path}", body, "application/json", headers=headers)
    assert SCRIPT not in response.content.decode()


def test_cve_2024_21520_script_in_a_session(start: Start, browser: Browser) -> None:
    """A user's sessions show what a login sent as its `User-Agent`.

    https://nvd.nist.gov/vuln/detail/CVE-2024-21520
    """
    start(TRACK_SESSIONS=True)
    api = Api()
    api.register()
    body = {"email": EMAIL, "password": PASSWORD}
    token = api.post("auth/login", body, HTTP_USER_AGENT=SCRIPT).json()["access_token"]
    page = api.client.get(
        "/api/v1/auth/sessions",
        headers={"Accept": "text/html", "Authorization": f"Bearer {token}"},
    )
    assert "alert(1)" in page.content.decode()
    assert SCRIPT not in page.content.decode()


def test_cve_2018_25031_swagger_ui_shows_no_other_document(api: Api) -> None:
    """Swagger UI loaded a document that a link named, and showed it as the service's own.

    https://nvd.nist.gov/vuln/detail/CVE-2018-25031
    """
    page = api.client.get("/docs?url=https://evil.example/&configUrl=https://evil.example/")
    script = api.client.get("/docs?script=")
    for response in (page, script):
        assert "evil.example" not in response.content.decode()
        assert "queryConfigEnabled" not in response.content.decode()
    assert "connect-src 'self'" in page["Content-Security-Policy"]


ORIGINS = [
    *("http://localhost:3000.evil.example", "http://evil.example/http://localhost:3000", "null"),
    *("http://localhost:30000", "http://LOCALHOST:3000.", "https://localhost:3000", "file://"),
    *("http://xlocalhost:3000", "http://localhost:3000@evil.example", "http://localhost\u3002x"),
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_cve_2024_6221_origin_that_looks_like_a_listed_one(api: Api, origin: str) -> None:
    """CORS packages matched origins by a part, by case or by a pattern.

    https://nvd.nist.gov/vuln/detail/CVE-2024-6221 (Flask-Cors), and CVE-2024-6839,
    CVE-2024-6844, CVE-2024-6866
    """
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET"):
        response = api.client.generic(method, "/api/v1/auth/login", headers=preflight)
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Access-Control-Allow-Private-Network" not in response.headers


def test_cve_2026_28684_env_file_that_is_a_link(tmp_path: Path) -> None:
    """python-dotenv wrote `.env` through a link to another file.

    https://github.com/advisories/GHSA-mf9w-mj56-hr94
    """
    (tmp_path / EXAMPLE).write_text("JWT_SECRET_KEY=\n")
    (tmp_path / ".env").symlink_to(tmp_path / "elsewhere")
    assert "was not changed" in init_env(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_metrics_of_a_stranger_have_no_label(api: Api) -> None:
    """A metric's label that a client chooses fills the memory; CVE-2022-21698 in Go's client.

    https://nvd.nist.gov/vuln/detail/CVE-2022-21698
    """
    for number in range(5):
        api.client.generic(f"EVIL{number}", f'/evil{number}"}} 1\nx{{a="', headers={"Host": "evil"})
    assert "evil" not in api.client.get("/metrics").content.decode().lower()
