"""The OpenAPI document describes what docs/reference/api.md promises."""

import json
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from authproject.openapi import views
from tests.support.api import JSON, Api
from tests.support.http import ENDPOINTS, get_error, send
from tests.support.openapi import (
    BEARER,
    HASHING,
    KEPT,
    PAGES,
    PRIVATE,
    PROBES,
    WITH_BODY,
    answers,
    codes,
    contents,
    document,
    every_endpoint,
    failures,
    operation,
    resolve,
)
from tests.support.processes import run_manage

CODES = {
    400: {"parse_error", "invalid", "invalid_host"},
    401: {
        "not_authenticated",
        "invalid_credentials",
        "token_expired",
        "token_revoked",
        "token_reused",
        "token_invalid",
    },
    404: {"not_found"},
    405: {"method_not_allowed"},
    406: {"not_acceptable"},
    413: {"payload_too_large"},
    415: {"unsupported_media_type"},
    422: {"unprocessable"},
    500: {"server_error"},
    503: {"store_unavailable", "overloaded"},
}
"""Every code of docs/reference/api.md that has an example."""


def test_document_in_docs_is_up_to_date(api: Api) -> None:
    assert api.client.get("/openapi.json").content == KEPT.read_bytes(), "run: make docs"


def test_document_is_the_same_without_browsable_api() -> None:
    command = "spectacular --format openapi-json --validate --fail-on-warn"
    written = run_manage(*command.split(), BROWSABLE_API="false", LOG_LEVEL="ERROR")
    assert (written.returncode, written.stderr) == (0, "")
    assert written.stdout.encode().rstrip() == KEPT.read_bytes().rstrip()


def test_document_omits_disabled_metrics() -> None:
    written = run_manage("spectacular", "--format", "openapi-json", METRICS="false")
    assert set(document()["paths"]) - set(json.loads(written.stdout)["paths"]) == {"/metrics"}


def test_document_is_valid_openapi_3_1(api: Api) -> None:
    assert document()["openapi"].startswith("3.1.")
    validate_schema(document())


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/yaml", "nonsense"])
def test_document_is_json_for_any_accept(api: Api, accept: str) -> None:
    response = api.client.get("/openapi.json", headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, JSON)
    assert response.json()["openapi"]


def test_document_is_the_same_for_concurrent_requests(api: Api) -> None:
    views.render_document.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        documents = set(threads.map(lambda _: Api().client.get("/openapi.json").content, range(8)))
    assert documents == {KEPT.read_bytes()}


def test_document_describes_exactly_the_endpoints() -> None:
    described = {
        path: method.upper() for path, methods in document()["paths"].items() for method in methods
    }
    assert described == ENDPOINTS


@every_endpoint
def test_operation_has_summary_and_descriptions(path: str) -> None:
    assert operation(path)["summary"]
    assert operation(path)["description"]
    assert ("requestBody" in operation(path)) == (path in WITH_BODY)
    assert all(response["description"] for response in answers(path).values())


@every_endpoint
def test_every_body_has_an_example(path: str) -> None:
    assert all(content["examples"] for content in contents(path))


@every_endpoint
def test_every_example_matches_its_schema(path: str) -> None:
    for content in contents(path):
        schema = {**content["schema"], "components": document()["components"]}
        for example in content["examples"].values():
            jsonschema.Draft202012Validator(schema).validate(example["value"])


@every_endpoint
def test_operation_lists_its_error_statuses(path: str) -> None:
    expected = {405, 413, 415, 500}
    expected |= set() if path in PROBES else {400}
    expected |= {404} if path in PAGES else {406}
    expected |= {401} if path in BEARER or path.endswith(("login", "refresh")) else set()
    expected |= {422} if path in WITH_BODY else set()
    expected |= {503} if path in PRIVATE | {"/health/ready"} else set()
    assert set(failures(path)) == expected


@every_endpoint
def test_every_error_has_the_error_schema(path: str) -> None:
    for response in failures(path).values():
        assert response["content"][JSON]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_every_error_code_has_an_example() -> None:
    found: dict[int, set[str]] = {}
    for path in ENDPOINTS:
        for status, response in failures(path).items():
            found.setdefault(status, set()).update(codes(response))
    assert found == CODES


def test_hashing_operations_describe_overload() -> None:
    overloaded = {path for path in PRIVATE if "overloaded" in codes(failures(path)[503])}
    assert overloaded == HASHING


def test_only_protected_operations_require_bearer() -> None:
    for path in ENDPOINTS:
        assert operation(path)["security"] == ([{"bearer": []}] if path in BEARER else [{}])
    scheme = document()["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")


@every_endpoint
def test_response_has_its_headers(path: str) -> None:
    for status, response in answers(path).items():
        expected = {"X-Request-ID", "X-Content-Type-Options"}
        expected |= {"Cache-Control"} if path in PRIVATE else set()
        expected |= {"WWW-Authenticate"} if status == 401 else set()
        expected |= {"Allow"} if status == 405 else set()
        expected |= {"Retry-After"} if status == 503 else set()
        assert set(response["headers"]) == expected
        assert all(resolve(header)["required"] for header in response["headers"].values())


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc"])
def test_pages_allow_only_get(api: Api, path: str) -> None:
    response = send(api, path, method="POST")
    assert get_error(response) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, OPTIONS"
