"""Chunked bodies, as a WSGI server passes them to the application."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import pytest

from authproject.wsgi import buffer_chunked_bodies

LIMIT = 10


class CountingInput(BytesIO):
    """Counts the bytes that were requested."""

    requested = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.requested += size or 0
        return super().read(size)


def get_inner_environ(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the environ that the wrapped application gets."""
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        return []

    buffer_chunked_bodies(application, LIMIT)(environ, lambda *_: None)
    return seen


def chunked(body: bytes) -> dict[str, Any]:
    return {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": CountingInput(body),
        "wsgi.input_terminated": True,
    }


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * LIMIT])
def test_chunked_body_gets_a_content_length(body: bytes) -> None:
    seen = get_inner_environ(chunked(body))
    assert seen["CONTENT_LENGTH"] == str(len(body))
    assert seen["wsgi.input"].read() == body


def test_chunked_body_is_read_up_to_the_limit_plus_one() -> None:
    environ = chunked(b"x" * 1000)
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
