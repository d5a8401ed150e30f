"""Chunked bodies, as a WSGI server that decodes them hands them over."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import pytest

from authproject.wsgi import buffer_chunked_bodies

LIMIT = 10


class CountingInput(BytesIO):
    """Knows how much of it was asked for."""

    asked = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked += size or 0
        return super().read(size)


def seen_by_django(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the environ that the application behind the wrapper gets."""
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
def test_a_chunked_body_gets_its_length(body: bytes) -> None:
    seen = seen_by_django(chunked(body))
    assert seen["CONTENT_LENGTH"] == str(len(body))
    assert seen["wsgi.input"].read() == body


def test_of_a_chunked_body_over_the_limit_one_byte_more_is_read() -> None:
    environ = chunked(b"x" * 1000)
    source = environ["wsgi.input"]
    assert seen_by_django(environ)["CONTENT_LENGTH"] == str(LIMIT + 1)
    assert source.asked == LIMIT + 1


@pytest.mark.parametrize("missing", ["HTTP_TRANSFER_ENCODING", "wsgi.input_terminated"])
def test_nothing_is_read_that_might_never_end(missing: str) -> None:
    environ = chunked(b"x")
    del environ[missing]
    seen = seen_by_django(environ)
    assert "CONTENT_LENGTH" not in seen
    assert environ["wsgi.input"].asked == 0
