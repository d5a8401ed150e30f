"""The OpenAPI document, held against the contract."""

import json
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from authproject.openapi import views
from tests.support.api import JSON, Api
from tests.support.http import ENDPOINTS, problem, send
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
from tests.support.processes import manage

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
"""The contract's table."""


def test_what_is_kept_in_docs_is_what_is_served(api: Api) -> None:
    assert api.client.get("/openapi.json").content == KEPT.read_bytes(), "stale: make docs"


def test_it_is_written_without_a_warning_and_alike_with_the_browsable_api_off() -> None:
    command = "spectacular --format openapi-json --validate --fail-on-warn"
    written = manage(*command.split(), BROWSABLE_API="false", LOG_LEVEL="ERROR")
    assert (written.returncode, written.stderr) == (0, "")
    assert written.stdout.encode().rstrip() == KEPT.read_bytes().rstrip()


def test_a_document_without_metrics_does_not_describe_them() -> None:
    written = manage("spectacular", "--format", "openapi-json", METRICS="false")
    assert set(document()["paths"]) - set(json.loads(written.stdout)["paths"]) == {"/metrics"}


def test_it_is_openapi_3_1(api: Api) -> None:
    assert document()["openapi"].startswith("3.1.")
    validate_schema(document())


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/yaml", "nonsense"])
def test_it_is_json_whatever_is_accepted(api: Api, accept: str) -> None:
    response = api.client.get("/openapi.json", headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, JSON)
    assert response.json()["openapi"]


def test_it_is_made_once_however_many_ask_at_once(api: Api) -> None:
    views.make_document.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: Api().client.get("/openapi.json").content, range(8)))
    assert found == {KEPT.read_bytes()}
    assert views.make_document.cache_info().misses == 1


def test_it_describes_every_endpoint_and_nothing_else() -> None:
    described = {
        path: method.upper() for path, methods in document()["paths"].items() for method in methods
    }
    assert described == ENDPOINTS


@every_endpoint
def test_an_operation_is_explained(path: str) -> None:
    assert operation(path)["summary"]
    assert operation(path)["description"]
    assert ("requestBody" in operation(path)) == (path in WITH_BODY)
    assert all(response["description"] for response in answers(path).values())


@every_endpoint
def test_every_body_has_an_example(path: str) -> None:
    assert all(content["examples"] for content in contents(path))


@every_endpoint
def test_every_example_has_the_shape_that_is_described(path: str) -> None:
    for content in contents(path):
        schema = {**content["schema"], "components": document()["components"]}
        for example in content["examples"].values():
            jsonschema.Draft202012Validator(schema).validate(example["value"])


@every_endpoint
def test_an_operation_lists_the_statuses_of_its_errors(path: str) -> None:
    expected = {405, 413, 415, 500}
    expected |= set() if path in PROBES else {400}
    expected |= {404} if path in PAGES else {406}
    expected |= {401} if path in BEARER or path.endswith(("login", "refresh")) else set()
    expected |= {422} if path in WITH_BODY else set()
    expected |= {503} if path in PRIVATE | {"/health/ready"} else set()
    assert set(failures(path)) == expected


@every_endpoint
def test_every_error_has_the_one_shape(path: str) -> None:
    for response in failures(path).values():
        assert response["content"][JSON]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_every_code_of_the_contract_has_an_example_with_its_status() -> None:
    found: dict[int, set[str]] = {}
    for path in ENDPOINTS:
        for status, response in failures(path).items():
            found.setdefault(status, set()).update(codes(response))
    assert found == CODES


def test_overload_is_described_where_passwords_are_hashed() -> None:
    overloaded = {path for path in PRIVATE if "overloaded" in codes(failures(path)[503])}
    assert overloaded == HASHING


def test_protected_operations_need_a_bearer_token_and_the_others_nothing() -> None:
    assert {path for path in ENDPOINTS if operation(path).get("security")} == BEARER
    assert all(operation(path)["security"] == [{"bearer": []}] for path in BEARER)
    scheme = document()["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")


@every_endpoint
def test_the_headers_that_the_contract_demands_are_described(path: str) -> None:
    for status, response in answers(path).items():
        expected = {"X-Request-ID", "X-Content-Type-Options"}
        expected |= {"Cache-Control"} if path in PRIVATE else set()
        expected |= {"WWW-Authenticate"} if status == 401 else set()
        expected |= {"Allow"} if status == 405 else set()
        expected |= {"Retry-After"} if status == 503 else set()
        assert set(response["headers"]) == expected
        assert all(resolve(header)["required"] for header in response["headers"].values())


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc"])
def test_only_get_is_answered(api: Api, path: str) -> None:
    response = send(api, path, method="POST")
    assert problem(response) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, OPTIONS"
