"""The OpenAPI document, held against the contract and against what the service answers."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from authproject.openapi import views
from tests.http_support import (
    BODIES,
    ENDPOINTS,
    LIMIT,
    BuggyStore,
    Start,
    UnreachableStore,
    problem,
    send,
)
from tests.processes import ROOT, manage
from tests.support import JSON, Api, MovableClock

KEPT = ROOT / "docs" / "openapi.json"
Object = dict[str, Any]

BEARER = {"/api/v1/auth/logout-all", "/api/v1/auth/password", "/api/v1/protected/profile"}
WITH_BODY = {f"/api/v1/{path}" for path in BODIES}
PROBES = {"/health", "/health/ready"}
PAGES = {"/metrics", "/openapi.json", "/docs", "/redoc"}
PRIVATE = WITH_BODY | BEARER
HASHING = {f"/api/v1/auth/{name}" for name in ("register", "login", "password")}

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
    found: Object = document()["paths"][path][ENDPOINTS[path].lower()]
    return found


def answers(path: str) -> dict[int, Object]:
    responses = operation(path)["responses"]
    return {int(status): resolve(response) for status, response in responses.items()}


def failures(path: str) -> dict[int, Object]:
    return {status: found for status, found in answers(path).items() if status >= 400}


def contents(path: str) -> Iterator[Object]:
    """Yield every body that an operation takes or gives: its schema and its examples."""
    for holder in [operation(path).get("requestBody", {}), *answers(path).values()]:
        yield from holder.get("content", {}).values()


def codes(response: Object) -> set[str]:
    examples = response["content"][JSON]["examples"].values()
    return {example["value"]["code"] for example in examples}


every_endpoint = pytest.mark.parametrize("path", ENDPOINTS)


def test_what_is_kept_in_docs_is_what_is_served(api: Api) -> None:
    remedy = "stale: python manage.py spectacular --format openapi-json --file docs/openapi.json"
    assert api.client.get("/openapi.json").content == KEPT.read_bytes(), remedy


def test_the_readmes_command_writes_it_with_the_browsable_api_on_or_off() -> None:
    command = "spectacular --format openapi-json --validate --fail-on-warn"
    assert f"python manage.py {command} --file docs/openapi.json" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )
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


def test_it_is_made_once(api: Api) -> None:
    views.document.cache_clear()
    for _ in range(3):
        api.client.get("/openapi.json")
    assert views.document.cache_info().misses == 1


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


def described(path: str, response: Any) -> None:
    """Assert that the document has this very body among its examples."""
    examples = failures(path)[response.status_code]["content"][JSON]["examples"]
    body = {name: value for name, value in response.json().items() if name != "request_id"}
    values = [
        {name: value for name, value in example["value"].items() if name != "request_id"}
        for example in examples.values()
    ]
    assert body in values


@every_endpoint
def test_what_any_endpoint_answers_to_a_bad_request_is_an_example(api: Api, path: str) -> None:
    method = ENDPOINTS[path]
    described(path, send(api, path, method="PUT"))
    described(path, send(api, path, b" " * (LIMIT + 1), method=method))
    described(path, send(api, path, b"text", "text/plain", method=method))
    if path not in PROBES:
        described(path, send(api, path, method=method, headers={"Host": "elsewhere.example"}))
    if path not in PAGES:
        described(path, send(api, path, method=method, headers={"Accept": "image/png"}))


@pytest.mark.parametrize("path", sorted(BEARER))
def test_what_a_protected_endpoint_answers_to_a_bad_token_is_an_example(
    api: Api, path: str
) -> None:
    for token in (None, "no token"):
        described(path, send(api, path, method=ENDPOINTS[path], token=token))


@pytest.mark.parametrize("path", sorted(WITH_BODY))
@pytest.mark.parametrize("body", [b"{}", b"[]", b"{"])
def test_what_is_answered_to_a_misshapen_body_is_an_example(
    api: Api, path: str, body: bytes
) -> None:
    described(path, send(api, path, body, token=api.enter()["access_token"]))


@pytest.mark.parametrize(("store", "status"), [(UnreachableStore, 503), (BuggyStore, 500)])
def test_what_is_answered_when_the_store_fails_is_an_example(
    start: Start, clock: MovableClock, store: Any, status: int
) -> None:
    start().service.store = store(clock)
    response = Api().register()
    assert response.status_code == status
    described("/api/v1/auth/register", response)


def test_the_examples_of_bodies_are_accepted(api: Api) -> None:
    examples = {
        name: operation(f"/api/v1/auth/{name}")["requestBody"]["content"][JSON]["examples"]
        for name in ("register", "login", "password")
    }
    bodies = {name: next(iter(found.values()))["value"] for name, found in examples.items()}
    assert api.post("auth/register", bodies["register"]).status_code == 201
    tokens = api.post("auth/login", bodies["login"]).json()
    changed = api.post("auth/password", bodies["password"], token=tokens["access_token"])
    assert changed.status_code == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc"])
def test_only_get_is_answered(api: Api, path: str) -> None:
    response = send(api, path, method="POST")
    assert problem(response) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, OPTIONS"
