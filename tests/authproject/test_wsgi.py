"""Bodies and Host as a WSGI server passes them to the application."""

import json
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from authproject.wsgi import application
from tests.support.api import Api

LIMIT = 16 * 1024


class CountingInput(BytesIO):
    """Counts the bytes that were requested."""

    requested = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.requested += size or 0
        return super().read(size)


def build_environ(path: str, method: str) -> dict[str, Any]:
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_HOST": "testserver"}
    setup_testing_defaults(environ)
    return environ


def get_inner_environ(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the environ that Django gets, with a view that reads no body."""
    environ = {**build_environ("/health", "GET"), **environ}
    application(environ, lambda *_: None)
    return environ


def chunked(body: bytes) -> dict[str, Any]:
    return {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": CountingInput(body),
        "wsgi.input_terminated": True,
    }


pytestmark = pytest.mark.usefixtures("api")


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * LIMIT])
def test_chunked_body_gets_a_content_length(body: bytes) -> None:
    seen = get_inner_environ(chunked(body))
    assert seen["CONTENT_LENGTH"] == str(len(body))
    assert seen["wsgi.input"].read() == body


def test_chunked_body_is_read_up_to_the_limit_plus_one() -> None:
    environ = chunked(b"x" * LIMIT * 2)
    source = environ["wsgi.input"]
    assert get_inner_environ(environ)["CONTENT_LENGTH"] == str(LIMIT + 1)
    assert source.requested == LIMIT + 1


@pytest.mark.parametrize("missing", ["HTTP_TRANSFER_ENCODING", "wsgi.input_terminated"])
def test_input_without_a_known_end_is_not_read(missing: str) -> None:
    environ = chunked(b"x")
    del environ[missing]
    seen = get_inner_environ(environ)
    assert "CONTENT_LENGTH" not in seen
    assert environ["wsgi.input"].requested == 0


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_response_has_content_length(method: str) -> None:
    environ = build_environ("/health", method)
    sent: list[tuple[str, str]] = []
    body = b"".join(application(environ, lambda status, headers: sent.extend(headers)))
    assert dict(sent)["Content-Length"] == str(len(body))


def test_response_without_content_has_no_content_length(api: Api) -> None:
    sent: list[tuple[str, str]] = []
    environ = build_environ("/api/v1/auth/logout-all", "POST")
    environ["HTTP_AUTHORIZATION"] = f"Bearer {api.register_and_log_in()['access_token']}"
    application(environ, lambda status, headers: sent.extend([("status", status), *headers]))
    assert dict(sent)["status"].startswith("204")
    assert "Content-Length" not in dict(sent)


def test_request_without_host_is_refused() -> None:
    """PEP 3333 has a `SERVER_NAME`, which Django takes in its place."""
    environ = build_environ("/api/v1/protected/profile", "GET")
    environ["SERVER_NAME"] = environ.pop("HTTP_HOST")
    body = b"".join(application(environ, lambda *_: None))
    assert json.loads(body)["code"] == "invalid_host"
