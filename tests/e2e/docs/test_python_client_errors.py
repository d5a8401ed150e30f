"""docs/examples/client.py with several users, bodies of every kind, and foreign servers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pytest

from tests.support.api import JSON, PASSWORD
from tests.support.http import NEW_PASSWORD
from tests.support.processes import Service
from tests.support.python_client import PROFILE, TokenStorage, expire_access_token

CHANGE = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}


class ForeignHandler(BaseHTTPRequestHandler):
    """Sends `status` and `body` to every request, and records the tokens that it receives."""

    status, body = 200, b"{}"
    tokens: list[str | None]

    def do_GET(self) -> None:
        self.tokens.append(self.headers["Authorization"])
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class' name
        """Log nothing."""


@contextmanager
def run_foreign_server(
    status: int = 200, body: bytes = b"{}"
) -> Iterator[tuple[int, list[str | None]]]:
    """Run a server that is not this service. Yields its port and the tokens that it receives."""
    tokens: list[str | None] = []
    handler = type("", (ForeignHandler,), {"status": status, "body": body, "tokens": tokens})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port, tokens
        finally:
            server.shutdown()
            thread.join()


def test_request_is_never_repeated_as_another_user(
    example: Any, client: Any, service: Service, email: str, storage: TokenStorage
) -> None:
    second_email = f"second.{email}"
    service.register(second_email)
    expire_access_token(client, storage, service)
    pending = [second_email]

    def switch_user(response: Any, **options: Any) -> None:
        # Called between the response `token_expired` and the refresh.
        if pending:
            client.logout()
            client.login(pending.pop(), PASSWORD)

    with pytest.raises(example.SessionEnded) as ended:
        client.request(
            "POST", "/api/v1/auth/password", json=CHANGE, hooks={"response": switch_user}
        )
    assert ended.value.code == "token_revoked"
    assert client.get(PROFILE).json()["email"] == second_email
    assert service.login(second_email).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"data": BytesIO(b"{}")},
        {"data": iter([b"{}"])},
        {"files": {"name": BytesIO(b"{}")}},
    ],
    ids=["file", "generator", "form with file"],
)
def test_body_that_can_be_read_once_is_rejected(example: Any, body: dict[str, Any]) -> None:
    with run_foreign_server() as (port, tokens):
        client = example.AuthClient(f"http://127.0.0.1:{port}")
        with pytest.raises(TypeError, match="twice"):
            client.request("GET", "/", **body)
    assert tokens == []


@pytest.mark.parametrize(
    "body",
    [
        {"data": json.dumps(CHANGE), "headers": {"Content-Type": JSON}},
        {"data": json.dumps(CHANGE).encode(), "headers": {"Content-Type": JSON}},
        {"data": CHANGE, "headers": {"Accept": f"{JSON}, text/html"}},
    ],
    ids=["text", "bytes", "form"],
)
def test_other_bodies_are_sent_again(
    client: Any, service: Service, body: dict[str, Any], storage: TokenStorage
) -> None:
    expire_access_token(client, storage, service)
    assert client.request("POST", "/api/v1/auth/password", **body).status_code == 200


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"null", b"[]", b'"text"', b"401", b'{"message": "no"}', b"\xff"]
)
def test_401_without_code_raises_session_ended(
    example: Any, storage: TokenStorage, body: bytes
) -> None:
    storage.save({"access_token": "a token", "refresh_token": "another"})
    with run_foreign_server(401, body) as (port, _):
        client = example.AuthClient(f"http://127.0.0.1:{port}", storage=storage)
        client.restore()
        with pytest.raises(example.SessionEnded) as ended:
            client.get("/")
    assert ended.value.code == "unknown"


@pytest.mark.parametrize("url", ["", "/api", "127.0.0.1:8000", "ftp://127.0.0.1"])
def test_base_url_that_is_not_absolute_is_refused(example: Any, url: str) -> None:
    with pytest.raises(ValueError, match="absolute URL"):
        example.AuthClient(url)


@pytest.mark.parametrize("path", ["@127.0.0.1:{}/x", "@127.0.0.1:{}", "/@127.0.0.1:{}/x"])
def test_path_cannot_send_token_to_another_host(client: Any, path: str) -> None:
    with run_foreign_server() as (port, tokens):
        assert client.get(path.format(port)).status_code == 404
    assert tokens == []
