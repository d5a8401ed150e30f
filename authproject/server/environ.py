"""The environ of PEP 3333: made of an RSGI scope, and what it says of a request."""

import sys
from functools import lru_cache
from io import BytesIO
from typing import Any, Protocol

Environ = dict[str, Any]

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Whatever else a client calls a method is its own word."""

OVERLOADED = "authproject.no_thread"
"""Set in the environ of a request that would have to wait too long for a thread."""


class Scope(Protocol):
    """What is used of RSGI's HTTP scope."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: Any


def build_environ(scope: Scope, path: str) -> Environ:
    """Return what PEP 3333 asks for. `path` is the scope's, which decodes it at each question."""
    host, _, port = scope.server.rpartition(":")
    client = scope.client.rpartition(":")[0]
    headers = scope.headers
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # PEP 3333: bytes as latin-1.
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        # RFC 3875 §4.1.8: an IPv6 address without brackets.
        "REMOTE_ADDR": client[1:-1] if client[:1] == "[" else client,
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
    }
    others = len(environ)
    for name, value in headers.items():
        if key := _variable(name):
            environ[key] = environ[key] + _separator(key) + value if key in environ else value
    if len(environ) - others < len(headers):
        # RSGI leaves out values that are not ASCII; a header that was sent must not seem absent.
        # That one of two of a name was left out cannot be told: Granian's `len` counts names.
        for name in headers.keys():  # noqa: SIM118  # not a mapping
            if key := _variable(name):
                environ.setdefault(key, "")
    environ.setdefault("HTTP_HOST", "")  # without it Django would believe SERVER_NAME
    return environ


def _separator(variable: str) -> str:
    # Cookies may come in several headers, and are one list (RFC 6265 §4.2, RFC 9113 §8.2.3).
    return "; " if variable == "HTTP_COOKIE" else ","


@lru_cache(256)
def _variable(name: str) -> str | None:
    # As other servers do: `x_forwarded_for` must not pass for `x-forwarded-for`.
    if "_" in name:
        return None
    variable = name.upper().replace("-", "_")
    return variable if variable in CGI_VARIABLES else f"HTTP_{variable}"


CGI_VARIABLES = {"CONTENT_TYPE", "CONTENT_LENGTH"}


def parse_content_length(declared: str) -> int:
    """Return what a `Content-Length` declares; for what is no number, more than anybody takes."""
    # Python makes no number of more than 4,300 digits; zeros in front count for none.
    digits = declared.lstrip("0")[:20] or "0"
    return int(digits) if digits.isdecimal() else sys.maxsize
