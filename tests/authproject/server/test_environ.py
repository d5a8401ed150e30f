"""The WSGI environ that is built from an RSGI scope."""

from typing import Any

from authproject.server.environ import build_environ
from tests.support.rsgi import RSGIScope


def test_environ_joins_repeated_headers() -> None:
    headers = [("cookie", "a=1"), ("cookie", "b=2"), ("accept", "x"), ("accept", "y")]
    scope: Any = RSGIScope("GET", "/", *headers)
    environ = build_environ(scope, "/")
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_ACCEPT"] == "x,y"
