"""Hooks of drf-spectacular (`POSTPROCESSING_HOOKS`) that add to its finished document."""

from collections.abc import Iterator
from typing import Any

from authproject.monitoring.middleware import PRIVATE_PATHS

Object = dict[str, Any]

HEADERS: dict[str, Object] = {
    "X-Request-ID": {
        "description": "Identifies the request in the log: the client's own value if it has 1 to "
        "128 letters, digits, `.`, `_` and `-`, else a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "X-Content-Type-Options": {
        "description": "Browsers must not guess another media type.",
        "schema": {"type": "string", "const": "nosniff"},
    },
    "Cache-Control": {
        "description": "Tokens and personal data must not be cached.",
        "schema": {"type": "string", "const": "no-store"},
    },
    "Allow": {
        "description": "The allowed methods.",
        "schema": {"type": "string"},
        "example": "POST, OPTIONS",
    },
    "WWW-Authenticate": {
        "description": "RFC 6750 §3. Has `error` only if the token in `Authorization` is invalid.",
        "schema": {"type": "string", "pattern": '^Bearer realm="api"'},
        "examples": {
            "no token": {"value": 'Bearer realm="api"'},
            "invalid token": {
                "value": 'Bearer realm="api", error="invalid_token", '
                'error_description="The token has expired."'
            },
        },
    },
    "Retry-After": {
        "description": "Seconds to wait before a retry.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 2,
    },
}
COMMON_HEADERS = ("X-Request-ID", "X-Content-Type-Options")
HEADER_BY_STATUS = {"401": "WWW-Authenticate", "405": "Allow", "503": "Retry-After"}


SHARED = {
    "404": "NotFound",
    "405": "MethodNotAllowed",
    "406": "NotAcceptable",
    "413": "PayloadTooLarge",
    "415": "UnsupportedMediaType",
    "500": "ServerError",
}
"""Responses that are the same for every operation."""


def add_response_headers(result: Object, **kwargs: Any) -> Object:
    """Add the headers of every response."""
    result["components"]["headers"] = {
        name: {**header, "required": True} for name, header in HEADERS.items()
    }
    for path, status, responses in _iter_responses(result):
        names = [*COMMON_HEADERS]
        if path.startswith(PRIVATE_PATHS):
            names.append("Cache-Control")
        if status in HEADER_BY_STATUS:
            names.append(HEADER_BY_STATUS[status])
        responses[status]["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in names
        }
    return result


def share_responses(result: Object, **kwargs: Any) -> Object:
    """Move the `SHARED` responses to the components; those with `Cache-Control` are `Private…`."""
    shared = result["components"]["responses"] = {}
    for path, status, responses in _iter_responses(result):
        if status in SHARED:
            name = ("Private" if path.startswith(PRIVATE_PATHS) else "") + SHARED[status]
            shared[name] = responses[status]
            responses[status] = {"$ref": f"#/components/responses/{name}"}
    return result


def _iter_responses(result: Object) -> Iterator[tuple[str, str, Object]]:
    """Yield path, status and the operation's responses, for each response."""
    for path, methods in result["paths"].items():
        for operation in methods.values():
            for status in operation["responses"]:
                yield path, status, operation["responses"]
