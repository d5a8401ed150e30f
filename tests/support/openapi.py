"""Reads docs/openapi.json."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.support.api import JSON
from tests.support.http import BODIES, DOCUMENTED, TRACKED
from tests.support.processes import ROOT

KEPT = ROOT / "docs" / "openapi.json"
Object = dict[str, Any]

BEARER = {
    *(f"/api/v1/auth/{name}" for name in ("logout-all", "password", "delete-account")),
    "/api/v1/auth/verify",
    "/api/v1/protected/profile",
    *TRACKED,
}
WITH_BODY = {f"/api/v1/{path}" for path in BODIES}
PROBES = {"/health", "/health/ready"}
PAGES = {"/metrics", "/openapi.json", "/docs", "/redoc"}
PRIVATE = WITH_BODY | BEARER


@cache
def document() -> Object:
    found: Object = json.loads(KEPT.read_bytes())
    return found


def resolve(part: Object) -> Object:
    """Follow a reference within the document."""
    for name in part.get("$ref", "#").split("/")[1:]:
        part = document()[name] if name == "components" else part[name]
    return part


def operation(path: str) -> Object:
    found: Object = document()["paths"][path][DOCUMENTED[path].lower()]
    return found


def answers(path: str) -> dict[int, Object]:
    responses = operation(path)["responses"]
    return {int(status): resolve(response) for status, response in responses.items()}


def failures(path: str) -> dict[int, Object]:
    return {status: found for status, found in answers(path).items() if status >= 400}


def contents(path: str) -> Iterator[Object]:
    """Yield schema and examples of each request and response body of an operation."""
    for holder in [operation(path).get("requestBody", {}), *answers(path).values()]:
        yield from holder.get("content", {}).values()


def operations() -> list[Object]:
    return [operation for path in document()["paths"].values() for operation in path.values()]


def codes(response: Object) -> set[str]:
    examples = response["content"][JSON]["examples"].values() if response else ()
    return {example["value"]["code"] for example in examples}


def error_schema(response: Object) -> Object:
    extension: Object = resolve(response["content"][JSON]["schema"])["allOf"][1]
    return extension


def listed_codes(response: Object) -> set[str]:
    """Return the codes that an error response can have, by its schema."""
    return set(error_schema(response)["properties"]["code"]["enum"])


def listed_field_codes(response: Object) -> dict[str, set[str]]:
    properties = error_schema(response)["properties"]
    fields = properties.get("errors", {"properties": {}})["properties"]
    return {
        name: set(field["items"]["allOf"][1]["properties"]["code"]["enum"])
        for name, field in fields.items()
    }


every_endpoint = pytest.mark.parametrize("path", DOCUMENTED)
