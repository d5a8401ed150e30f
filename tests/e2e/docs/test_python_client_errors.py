"""docs/examples/client.py where users, bodies, paths and answers are not what it hopes for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pytest

from tests.support.api import JSON, PASSWORD
from tests.support.processes import Service
from tests.support.python_client import PROFILE, log_in, wait_until_expired

BOB = "bob@example.com"
CHANGE = {"current_password": PASSWORD, "new_password": "another horse, another battery"}


class Stranger(BaseHTTPRequestHandler):
    """Answers everything with `status` and `body`, and remembers the tokens that it was sent."""

    status, body = 200, b"{}"
    tokens: list[str | None]

    def do_GET(self) -> None:
        self.tokens.append(self.headers["Authorization"])
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Say nothing."""


@contextmanager
def stranger(status: int = 200, body: bytes = b"{}") -> Iterator[tuple[int, list[str | None]]]:
    tokens: list[str | None] = []
    handler = type("", (Stranger,), {"status": status, "body": body, "tokens": tokens})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, tokens
        finally:
            server.shutdown()
            thread.join()


def test_a_request_of_one_user_is_never_sent_as_another(
    example: Any, rotating_service: Service
) -> None:
    client = log_in(example, rotating_service)
    rotating_service.register(BOB)
    wait_until_expired(client, rotating_service)
    waiting = [BOB]

    def meanwhile(response: Any, **options: Any) -> None:
        # Between the answer that the token has expired and the refresh.
        if waiting:
            client.logout()
            client.login(waiting.pop(), PASSWORD)

    with pytest.raises(example.SessionEnded) as ended:
        client.request("POST", "/api/v1/auth/password", json=CHANGE, hooks={"response": meanwhile})
    assert ended.value.code == "token_revoked"
    assert client.get(PROFILE).json()["email"] == BOB
    assert rotating_service.login(BOB).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"data": BytesIO(b"{}")},
        {"data": iter([b"{}"])},
        {"files": {"name": BytesIO(b"{}")}},
    ],
    ids=["a file", "a generator", "a form with a file"],
)
def test_a_body_that_can_be_read_only_once_is_refused(example: Any, body: dict[str, Any]) -> None:
    with stranger() as (port, tokens):
        client = example.AuthClient(f"http://127.0.0.1:{port}")
        with pytest.raises(TypeError, match="twice"):
            client.request("GET", "/", **body)
    assert tokens == []


@pytest.mark.parametrize(
    "body",
    [
        {"data": json.dumps(CHANGE), "headers": {"Content-Type": JSON}},
        {"data": json.dumps(CHANGE).encode(), "headers": {"Content-Type": JSON}},
        {"data": CHANGE, "headers": None},
    ],
    ids=["text", "bytes", "a form"],
)
def test_any_other_body_is_sent_again(
    example: Any, rotating_service: Service, body: dict[str, Any]
) -> None:
    client = log_in(example, rotating_service)
    wait_until_expired(client, rotating_service)
    assert client.request("POST", "/api/v1/auth/password", **body).status_code == 200


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"null", b"[]", b'"text"', b"401", b'{"message": "no"}', b"\xff"]
)
def test_a_401_of_somebody_else_s_ends_the_session_too(example: Any, body: bytes) -> None:
    with stranger(401, body) as (port, _), pytest.raises(example.SessionEnded, match="unknown"):
        example.AuthClient(f"http://127.0.0.1:{port}").get("/")


@pytest.mark.parametrize("form", ["@127.0.0.1:{}/x", "@127.0.0.1:{}", "/@127.0.0.1:{}/x"])
def test_no_path_leads_the_token_to_another_host(
    example: Any, rotating_service: Service, form: str
) -> None:
    client = log_in(example, rotating_service)
    with stranger() as (port, tokens):
        assert client.get(form.format(port)).status_code == 404
    assert tokens == []
