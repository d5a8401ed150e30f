"""Builds a WSGI environ (PEP 3333) from an RSGI scope."""

import sys
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from granian.rsgi import Headers, Scope  # type: ignore[attr-defined]  # its own import

Environ = dict[str, Any]

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Other method names are counted as `other`, and logged only in part."""

OVERLOADED = "authproject.overloaded"
"""Environ key, set if too many requests already wait for a thread."""

SHUTTING_DOWN = "authproject.shutting_down"
"""Environ key, set once the service drains: it is not ready for further requests."""

CGI_NAMES = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
"""The headers that PEP 3333 passes on without the prefix `HTTP_`."""


def build_environ(scope: "Scope", path: str) -> Environ:
    """Return the environ. `path` is `scope.path`, which Granian decodes at each access."""
    host, _, port = scope.server.rpartition(":")
    # RFC 3875 §4.1.8: an IPv6 address has no brackets. An IPv6 socket may have IPv4 clients.
    client = scope.client.rpartition(":")[0].strip("[]").removeprefix("::ffff:")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # PEP 3333: bytes as latin-1.
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": client,
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
    }
    _add_headers(environ, scope.headers)
    environ.setdefault("HTTP_HOST", "")  # Otherwise Django uses SERVER_NAME as the host.
    return environ


def _add_headers(environ: Environ, headers: "Headers") -> None:
    size = len(environ)
    for name, value in headers.items():
        if key := _get_environ_key(name):
            if key not in environ:
                environ[key] = value
            else:  # Several Cookie headers are one list (RFC 6265 §4.2, RFC 9113 §8.2.3).
                environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value
    if len(environ) - size < len(headers):  # type: ignore[arg-type]  # its stub has no `__len__`
        # Granian leaves out values that are not ASCII. Such a header counts as sent, but empty.
        # Not noticed: one of two headers with the same name, because `len` counts names.
        for name in headers.keys():  # noqa: SIM118  # not a mapping
            if key := _get_environ_key(name):
                environ.setdefault(key, "")


@lru_cache(256)
def _get_environ_key(header: str) -> str | None:
    # `x_forwarded_for` must not become the same name as `x-forwarded-for`: it is dropped.
    if "_" in header:
        return None
    name = header.upper().replace("-", "_")
    return name if name in CGI_NAMES else f"HTTP_{name}"


def parse_content_length(declared: str) -> int:
    """Return the number of bytes; `sys.maxsize` if the value is not a number."""
    # Python refuses to convert more than 4,300 digits, so leading zeros are removed first.
    digits = declared.lstrip("0")[:20] or "0"
    return int(digits) if digits.isdecimal() else sys.maxsize
