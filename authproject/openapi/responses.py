"""What responses carry: a hook that completes drf-spectacular's result."""

from typing import Any

from authproject.monitoring.middleware import PRIVATE_PATHS

Object = dict[str, Any]

HEADERS: dict[str, Object] = {
    "X-Request-ID": {
        "description": "The request's name in the log: the client's own if it sent a sane one "
        "(1 to 128 of letters, digits, `.`, `_`, `-`), else a fresh one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "X-Content-Type-Options": {
        "description": "No browser shall guess another type.",
        "schema": {"type": "string", "const": "nosniff"},
    },
    "Cache-Control": {
        "description": "Tokens and a user's data are for nobody's cache.",
        "schema": {"type": "string", "const": "no-store"},
    },
    "Allow": {
        "description": "The methods that are allowed.",
        "schema": {"type": "string"},
        "example": "POST, OPTIONS",
    },
    "WWW-Authenticate": {
        "description": "RFC 6750 §3: with `error` only where a token in `Authorization` is bad.",
        "schema": {"type": "string", "pattern": '^Bearer realm="api"'},
        "examples": {
            "no token": {"value": 'Bearer realm="api"'},
            "bad token": {
                "value": 'Bearer realm="api", error="invalid_token", '
                'error_description="The token has expired."'
            },
        },
    },
    "Retry-After": {
        "description": "Seconds to wait before the same request is sent again.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 2,
    },
}
EVERYWHERE = ("X-Request-ID", "X-Content-Type-Options")
BY_STATUS = {"401": "WWW-Authenticate", "405": "Allow", "503": "Retry-After"}


SHARED = {
    "404": "NotFound",
    "405": "MethodNotAllowed",
    "406": "NotAcceptable",
    "413": "PayloadTooLarge",
    "415": "UnsupportedMediaType",
    "500": "ServerError",
}
"""The same from every operation, so written once, and once more where nothing may be cached."""


def complete_responses(result: Object, **kwargs: Any) -> Object:
    """drf-spectacular's hook (`POSTPROCESSING_HOOKS`)."""
    result["components"]["headers"] = {
        name: {**header, "required": True} for name, header in HEADERS.items()
    }
    shared = result["components"]["responses"] = {}
    for path, methods in result["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                response["headers"] = _headers(path, status)
                if status in SHARED:
                    name = ("Private" if path.startswith(PRIVATE_PATHS) else "") + SHARED[status]
                    shared[name] = response
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return result


def _headers(path: str, status: str) -> Object:
    names = [*EVERYWHERE]
    if path.startswith(PRIVATE_PATHS):
        names.append("Cache-Control")
    if status in BY_STATUS:
        names.append(BY_STATUS[status])
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
