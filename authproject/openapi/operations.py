"""What is about the service itself: its root, probes, metrics and description."""

from authproject import __version__
from authproject.openapi import errors as fail
from authproject.openapi import response_serializers as bodies
from authproject.openapi.describe import Decorator, answer, operation

LINKS = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}
OBJECT = {"type": "object"}
HTML = "text/html"

ROOT = operation(
    None,
    "List every endpoint",
    "With the browsable API on, a browser gets it as a page.",
    answer(
        LINKS,
        "Every endpoint, linked.",
        {"auth-login": "http://localhost:8000/api/v1/auth/login"},
    ),
    tag="operations",
)
HEALTH = operation(
    "health",
    "Is the process alive?",
    "Asks the store nothing, and answers whatever the Host.",
    answer(
        bodies.Health,
        "It is alive.",
        {"status": "ok", "version": __version__, "store": "memory"},
    ),
    tag="operations",
    common=fail.PROBED,
)
READY = operation(
    "ready",
    "Does the store answer?",
    "Answers whatever the Host.",
    answer(bodies.Ready, "It does.", {"status": "ok"}),
    *fail.STORE,
    tag="operations",
    common=fail.PROBED,
)


def page(
    name: str, summary: str, media_type: str, example: object, shape: object = str
) -> Decorator:
    """Describe what has one media type, and a setting that switches it off."""
    success = answer(shape, "It is on.", example, media_type=media_type)
    off = "404 where it is switched off."
    return operation(name, summary, off, success, tag="operations", common=fail.FIXED)


METRICS = page(
    "metrics",
    "What has been counted, for Prometheus",
    "text/plain",
    'auth_requests_total{operation="login",outcome="success"} 3.0\n',
)
OPENAPI = page(
    "openapi",
    "This document",
    fail.JSON,
    {"openapi": "3.1.0", "info": {"title": "authproject", "version": __version__}, "paths": {}},
    OBJECT,
)
DOCS = page("docs", "This document for people: Swagger UI", HTML, "<!doctype html>…")
REDOC = page("redoc", "This document for people: ReDoc", HTML, "<!doctype html>…")
