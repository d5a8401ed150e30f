"""nginx in front of the service: TLS, and responses as without a proxy."""

import http.client
import json
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.api import JSON, PASSWORD
from tests.support.deploy.nginx_site import (
    FRONT_END,
    SITE,
    Site,
    build_command,
    get_marked_lines,
    prepare,
)
from tests.support.processes import START_SECONDS, Service

pytestmark = pytest.mark.usefixtures("nginx_program")

HSTS = "Strict-Transport-Security"
LIMIT = 16 * 1024


def test_nginx_accepts_configuration(tmp_path: Path) -> None:
    prepare(tmp_path, 8000)
    checked = subprocess.run(
        [*build_command(tmp_path), "-t"],
        check=False,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert "test is successful" in checked.stderr, checked.stderr
    assert "[warn]" not in checked.stderr


def test_tested_site_differs_only_in_marked_lines(tmp_path: Path) -> None:
    prepare(tmp_path, 8000)
    shipped = SITE.read_text().splitlines()
    tested = (tmp_path / "site.conf").read_text().splitlines()
    changed = [old for old, new in zip(shipped, tested, strict=True) if old != new]
    assert [line.strip() for line in changed] == get_marked_lines(SITE.read_text())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_current_tls_version_is_accepted(site: Site, version: ssl.TLSVersion) -> None:
    with site.connect(minimum_version=version, maximum_version=version) as connection:
        assert connection.version() == version.name.replace("_", ".")


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated:DeprecationWarning")
def test_old_tls_version_is_rejected(site: Site) -> None:
    context = site.tls()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    refused = http.client.HTTPSConnection(
        "localhost", site.port, context=context, timeout=START_SECONDS
    )
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        refused.connect()


def test_http_2_is_accepted(site: Site) -> None:
    context = site.tls()
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = http.client.HTTPSConnection(
        "localhost", site.port, context=context, timeout=START_SECONDS
    )
    connection.connect()
    with connection.sock as sock:
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert sock.recv(9)[3] == 4  # a SETTINGS frame (RFC 9113 §6.5)


def test_plain_http_redirects_to_https(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.plain_port, timeout=START_SECONDS)
    connection.request("GET", "/health?a=b", headers={"Host": "evil.example"})
    response = connection.getresponse()
    connection.close()
    assert response.status == 301
    assert response.headers["Location"] == "https://localhost/health?a=b"


def test_plain_http_on_tls_port_is_bad_request(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=START_SECONDS)
    connection.request("GET", "/health")
    response = connection.getresponse()
    assert (response.status, json.load(response)["code"]) == (400, "bad_request")
    connection.close()


@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_response_has_hsts_header(site: Site, path: str) -> None:
    assert "max-age=63072000" in site.request("GET", path).headers[HSTS]


@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_server_header_has_no_version(site: Site, path: str) -> None:
    assert site.request("GET", path).headers["Server"] == "nginx"


def test_register_login_and_profile_pass(site: Site) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD}
    assert site.post("auth/register", account).status == 201
    token = site.post("auth/login", account).json()["access_token"]
    profile = "/api/v1/protected/profile"
    assert site.request("GET", profile, Authorization=f"Bearer {token}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/health/ready",
        "//metrics",
        "/%6Detrics",
        "/./metrics",
        "/x/../metrics",
        "/health/%72eady",
        "/health//ready",
        "/metrics?x",
    ],
)
def test_internal_path_is_not_found(site: Site, service: Service, path: str) -> None:
    response = site.request("GET", path)
    assert (response.status, response.headers["Content-Type"]) == (404, JSON)
    assert response.body == service.request("GET", "/nowhere").body


@pytest.mark.parametrize("path", ["/metrics/", "/metrics;x", "/%256Detrics", "/METRICS"])
def test_internal_path_spelled_otherwise_is_not_found(site: Site, path: str) -> None:
    assert site.request("GET", path).status == 404


@pytest.mark.parametrize("size", [LIMIT + 1, 32 * 1024, 32 * 1024 + 1, 2_000_000])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "declared"])
def test_body_too_large_gets_413_of_api(
    site: Site, service: Service, size: int, chunked: bool
) -> None:
    body = b"x" * size
    response = site.post("auth/login", iter([body]) if chunked else body, **{"Content-Type": JSON})
    own = service.post("auth/login", b"x" * (LIMIT + 1), **{"Content-Type": JSON})
    assert (response.status, response.headers["Content-Type"]) == (413, JSON)
    assert response.body == own.body


def test_body_at_limit_is_read(site: Site) -> None:
    body = b'{"email": "x"' + b" " * (LIMIT - 14) + b"}"
    assert site.post("auth/login", body, **{"Content-Type": JSON}).status == 422


def test_body_is_not_written_to_file(site: Site) -> None:
    before = (site.folder / "body").stat().st_mtime_ns
    site.post("auth/login", b"x" * 32 * 1024)
    assert (site.folder / "body").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"TRACE / HTTP/1.1", 405),
        (b"post / HTTP/1.1", 400),
        (b"nonsense", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000, 431),
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1", 414),
        (b"GET /%00 HTTP/1.1", 400),
    ],
    ids=["trace", "lower-case", "nonsense", "headers", "url", "nul"],
)
def test_error_of_nginx_has_error_shape(site: Site, request_line: bytes, status: int) -> None:
    head, _, body = site.raw(request_line + b"\r\nHost: localhost\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/json" in head
    assert body.startswith(b'{"detail":"')


def test_preflight_passes(site: Site) -> None:
    headers = {
        "Origin": FRONT_END,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    response = site.request("OPTIONS", "/api/v1/auth/login", **headers)
    assert response.status == 200
    assert response.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert "authorization" in response.headers["Access-Control-Allow-Headers"]


def test_challenge_passes(site: Site) -> None:
    response = site.request("GET", "/api/v1/protected/profile", Authorization="Bearer x")
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="api", error=')


def test_links_have_host_and_port_of_client(site: Site) -> None:
    links = site.request("GET", "/").json()
    assert f"https://localhost:{site.port}/api/v1/auth/login" in links.values()


def test_unknown_host_is_rejected(site: Site) -> None:
    response = site.request("GET", "/api/v1/", Host="evil.example")
    assert (response.status, response.json()["code"]) == (400, "invalid_host")


@pytest.mark.skipif(sys.platform != "linux", reason="reads connections from /proc")
def test_connections_to_service_are_reused(site: Site, service: Service) -> None:
    site.request("GET", "/health")
    before = get_connections(service.port)
    for _ in range(5):
        site.request("GET", "/health")
    assert get_connections(service.port) <= before


def get_connections(port: int) -> set[str]:
    """Return the remote ends of a port's connections, including recently closed ones."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[2] for row in rows if row[1].endswith(f":{port:04X}")} | {
        row[1] for row in rows if row[2].endswith(f":{port:04X}")
    }
