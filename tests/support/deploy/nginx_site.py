"""Runs a real nginx with `deploy/nginx.conf`, on free ports and with a new certificate."""

import http.client
import itertools
import json
import os
import pwd
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.api import EMAIL, JSON, PASSWORD
from tests.support.ports import free_port
from tests.support.processes import ROOT, START_SECONDS, Service, ServiceResponse, run_service
from tests.support.system_programs import find_program
from tests.support.valkey import wait_until

SITE = ROOT / "deploy" / "nginx.conf"
FRONT_END = "http://localhost:3000"
LOAD_BALANCER = "127.0.0.1"
"""nginx trusts the `X-Forwarded-For` of requests from this address."""

# The distribution's nginx.conf, which includes the site; all files are in its folder.
NGINX_CONF = """\
{user}
daemon off;
pid nginx.pid;
worker_processes 1;
error_log error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include site.conf;
}}
"""
NO_CHANGES: Mapping[str, str] = {}
_clients = itertools.count(1)


def new_client_address() -> str:
    """Return an address that no test has used. Rate limits count by address."""
    number = next(_clients)
    return f"198.18.{number // 256}.{number % 256}"


class Site:
    """A running nginx. Each request comes from a new client, through the load balancer."""

    def __init__(self, folder: Path, port: int, plain_port: int) -> None:
        self.folder, self.port, self.plain_port = folder, port, plain_port

    @property
    def logs(self) -> str:
        """The content of all of nginx's logs."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def lines(self) -> list[dict[str, Any]]:
        """Return its access log."""
        return [*map(json.loads, (self.folder / "access.log").read_text().splitlines())]

    def get_line(self, request_id: str) -> dict[str, Any]:
        """Return the line of a request. nginx writes it after the response."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines() if line["request_id"] == request_id]

        wait_until(lambda: found() != [])
        [line] = found()
        return line

    def tls(self, **changed: Any) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        for name, value in changed.items():
            setattr(context, name, value)
        return context

    def connect(self, source: str = LOAD_BALANCER, **changed: Any) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), START_SECONDS, (source, 0))
        return self.tls(**changed).wrap_socket(plain, server_hostname="localhost")

    def raw(self, request: bytes, source: str = LOAD_BALANCER) -> bytes:
        """Send bytes; return everything until nginx closes the connection."""
        with self.connect(source) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        client: str = "",
        source: str = LOAD_BALANCER,
        over: Any = None,  # a connection; typed, mypy would compare it with **headers
        **headers: str,
    ) -> ServiceResponse:
        connection: http.client.HTTPSConnection = over or self.connection(source)
        if isinstance(body, dict):
            body, headers = json.dumps(body), {"Content-Type": JSON, **headers}
        headers = {"X-Forwarded-For": client or new_client_address(), **headers}
        connection.request(method, path, body, headers)
        received = connection.getresponse()
        response = ServiceResponse(received.status, received.headers, received.read())
        if over is None:
            connection.close()
        return response

    def connection(self, source: str = LOAD_BALANCER) -> http.client.HTTPSConnection:
        """Return a connection for many requests."""
        bound = None if source == LOAD_BALANCER else (source, 0)
        return http.client.HTTPSConnection(
            "localhost",
            self.port,
            timeout=START_SECONDS,
            context=self.tls(),
            source_address=bound,
        )

    def post(self, path: str, body: Any = None, **options: Any) -> ServiceResponse:
        return self.request("POST", f"/api/v1/{path}", body, **options)

    def login(self, password: str = PASSWORD, **options: str) -> ServiceResponse:
        return self.post("auth/login", {"email": EMAIL, "password": password}, **options)


def get_marked_lines(text: str) -> list[str]:
    """Return the lines that an operator edits."""
    return [line.strip() for line in text.splitlines() if "# EDIT" in line]


def edit_site(folder: Path, port: int, plain_port: int, *upstreams: int) -> str:
    """Return the site as an operator writes it, who changes only the marked lines."""
    edits = {
        r"listen \[::\].*": "",
        r"server 127\.0\.0\.1:8000( .*)": rf"server 127.0.0.1:{upstreams[0]}\1",
        r"server 127\.0\.0\.1:8001( .*)": _build_other_servers(upstreams[1:]),
        r'# "https://app\.example\.com" (.*)': rf'"{FRONT_END}" \1',
        r"listen 80;": f"listen 127.0.0.1:{plain_port};",
        r"listen 443( .*)": rf"listen 127.0.0.1:{port}\1",
        r"server_name .*": "server_name localhost;",
        r"ssl_certificate .*": f"ssl_certificate {folder}/certificate.pem;",
        r"ssl_certificate_key .*": f"ssl_certificate_key {folder}/key.pem;",
        r"access_log \S+( .*)": rf"access_log {folder}/access.log\1",
        r"error_log \S+( .*)": rf"error_log {folder}/site-error.log\1",
        r"# set_real_ip_from .*": f"set_real_ip_from {LOAD_BALANCER};",
    }
    text = SITE.read_text(encoding="utf-8")
    for line in get_marked_lines(text):
        before = line.partition("  # EDIT")[0]
        [after] = [
            re.sub(old, new, before) for old, new in edits.items() if re.fullmatch(old, before)
        ]
        text = text.replace(line, after)
    return text


def _build_other_servers(ports: tuple[int, ...]) -> str:
    return " ".join(rf"server 127.0.0.1:{port}\1" for port in ports)


def prepare(folder: Path, *upstreams: int, changes: Mapping[str, str] = NO_CHANGES) -> Site:
    """Write the files that nginx reads; `changes` replaces texts of the site."""
    site = Site(folder, free_port(), free_port())
    certificate = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/certificate.pem"]
    subprocess.run(
        [
            *(find_program("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", *certificate),
        ],
        check=True,
        capture_output=True,
    )
    text = edit_site(folder, site.port, site.plain_port, *upstreams)
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    write_configuration(folder, text)
    return site


def write_configuration(folder: Path, site: str) -> None:
    """Write the files that nginx reads."""
    (folder / "site.conf").write_text(site, encoding="utf-8")
    # For root, nginx's workers would switch to a user who cannot read pytest's folders.
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX_CONF.format(user=user))


def build_command(folder: Path) -> list[str]:
    return [find_program("nginx"), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]


@contextmanager
def run_nginx(
    folder: Path, *upstreams: int, changes: Mapping[str, str] = NO_CHANGES
) -> Iterator[Site]:
    """Run nginx in front of the services on these ports."""
    site = prepare(folder, *upstreams, changes=changes)
    with run_proxy(build_command(folder), site.port, folder):
        yield site


@contextmanager
def run_proxy(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """Run a proxy, whose logs are in `folder`, until the block ends."""
    process = subprocess.Popen(command, cwd=folder)
    try:
        wait_until(lambda: process.poll() is not None or _listens(port))
        logs = "".join(path.read_text() for path in sorted(folder.glob("*.log")))
        assert process.poll() is None, logs
        yield
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def run_site(
    folder: Path, changes: Mapping[str, str] = NO_CHANGES, **environment: str
) -> Iterator[tuple[Site, Service]]:
    """Run a service that trusts nginx, and nginx in front of it."""
    trusting = {"TRUSTED_PROXIES": "127.0.0.1", "CORS_ORIGINS": FRONT_END}
    with (
        run_service(folder, **{**trusting, **environment}) as service,
        run_nginx(folder, service.port, changes=changes) as site,
    ):
        yield site, service
