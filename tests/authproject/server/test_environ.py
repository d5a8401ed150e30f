"""The WSGI environ that is built from an RSGI scope."""

from typing import Any

from authproject.server.environ import build_environ
from tests.support.rsgi import RSGIHeaders, RSGIScope


def test_environ_joins_repeated_headers() -> None:
    headers = [("cookie", "a=1"), ("cookie", "b=2"), ("accept", "x"), ("accept", "y")]
    scope: Any = RSGIScope("GET", "/", *headers)
    environ = build_environ(scope, "/")
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_ACCEPT"] == "x,y"


class HeadersWithoutSome(RSGIHeaders):
    """As Granian's: it leaves out what is not ASCII, but counts it."""

    def items(self) -> RSGIHeaders:
        return RSGIHeaders(pair for pair in self if pair[1].isascii())


def test_header_that_is_not_ascii_counts_as_sent_and_empty() -> None:
    scope: Any = RSGIScope("GET", "/")
    scope.headers = HeadersWithoutSome([("authorization", "Bearer \xe9"), ("x_forged", "\xe9")])
    environ = build_environ(scope, "/")
    assert environ["HTTP_AUTHORIZATION"] == ""
    assert "HTTP_X_FORGED" not in environ


def test_header_with_underscore_is_no_header_with_hyphen() -> None:
    scope: Any = RSGIScope("GET", "/", ("x_forwarded_for", "forged"))
    assert "HTTP_X_FORWARDED_FOR" not in build_environ(scope, "/")
