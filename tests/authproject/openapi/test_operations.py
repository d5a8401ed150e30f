"""The OpenAPI document describes what docs/reference/api.md promises."""

import builtins
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from authproject.openapi import views
from tests.support.api import JSON, Api
from tests.support.http import DOCUMENTED, TRACKED, get_error, send
from tests.support.openapi import (
    BEARER,
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
    listed_codes,
    listed_field_codes,
    operation,
    operations,
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


VERIFY = "/api/v1/auth/verify"
REASONS = ("too_short", "too_long", "too_common", "invalid_characters")
SHAPE = {"required", "null", "wrong_type"}
JAVASCRIPT = {"Error", "Request", "Response", "Headers", "Record", "Event", "Map", "Object"}
"""Global names that clients in TypeScript would lose."""


def get_links(operation: Any) -> dict[str, Any]:
    responses = operation["responses"].values()
    return {name: link for one in responses for name, link in one.get("links", {}).items()}


def get_success_schema(operation: Any) -> Any:
    return resolve(operation["responses"]["200"]["content"][JSON]["schema"])


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
    assert described == DOCUMENTED


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
    expected |= {404} if path in PAGES or path in TRACKED else set()
    expected |= {406} if path not in {*PAGES, VERIFY} else set()
    expected |= {401} if path in BEARER or path.endswith(("login", "refresh")) else set()
    expected |= {422} if path in WITH_BODY else set()
    expected |= {503} if path != "/health" else set()
    assert set(failures(path)) == expected


@every_endpoint
def test_error_schema_lists_exactly_the_codes_of_its_examples(path: str) -> None:
    for response in failures(path).values():
        schema = resolve(response["content"][JSON]["schema"])
        assert schema["allOf"][0] == {"$ref": "#/components/schemas/ApiError"}
        assert "code" in schema["allOf"][1]["required"]
        assert listed_codes(response) == codes(response)


def test_errors_of_registration_list_codes_of_fields() -> None:
    errors = failures("/api/v1/auth/register")
    password = {f"password_{reason}" for reason in REASONS}
    email = {"invalid_email", "duplicate_email"}
    assert listed_field_codes(errors[400]) == {"email": email, "password": password}
    assert listed_field_codes(errors[422]) == {
        "email": email | SHAPE,
        "password": password | SHAPE,
        "non_field_errors": {"null", "wrong_type"},
    }


def test_errors_of_password_change_list_codes_of_fields() -> None:
    errors = failures("/api/v1/auth/password")
    password = {f"password_{reason}" for reason in REASONS}
    assert listed_field_codes(errors[400]) == {
        "current_password": {"invalid_credentials"},
        "new_password": password,
    }
    assert listed_field_codes(errors[422])["current_password"] == SHAPE


def test_every_error_code_has_an_example() -> None:
    found: dict[int, set[str]] = {}
    for path in DOCUMENTED:
        for status, response in failures(path).items():
            found.setdefault(status, set()).update(codes(response))
    assert found == CODES


def test_only_the_liveness_probe_is_never_overloaded() -> None:
    overloaded = {path for path in DOCUMENTED if "overloaded" in codes(failures(path).get(503, {}))}
    assert overloaded == set(DOCUMENTED) - {"/health"}


def test_only_protected_operations_require_bearer() -> None:
    for path in DOCUMENTED:
        assert operation(path)["security"] == ([{"bearer": []}] if path in BEARER else [])
    scheme = document()["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")


@every_endpoint
def test_response_has_its_headers(path: str) -> None:
    for status, response in answers(path).items():
        expected = {"X-Request-ID", "X-Content-Type-Options"}
        expected |= {"Cache-Control"} if path in PRIVATE else set()
        expected |= {"Remote-User"} if (path, status) == (VERIFY, 204) else set()
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


def test_server_is_the_host_of_the_document() -> None:
    assert [server["url"] for server in document()["servers"]] == ["/"]


def test_tags_have_descriptions_in_the_order_of_a_visit() -> None:
    assert [tag["name"] for tag in document()["tags"]] == ["auth", "protected", "service"]
    assert all(tag["description"] for tag in document()["tags"])
    assert {tag for one in operations() for tag in one["tags"]} == {"auth", "protected", "service"}


def test_operations_are_in_the_order_of_a_visit() -> None:
    names = [one["operationId"] for one in operations()]
    assert names[:4] == ["register", "login", "refresh", "logout"]
    assert len(set(names)) == len(names)


def test_operation_ids_are_verbs_in_camel_case() -> None:
    verbs = "register|login|refresh|logout|change|delete|verify|revoke|get|list"
    verb = re.compile(f"({verbs})([A-Z][a-z]+)*")
    assert all(verb.fullmatch(one["operationId"]) for one in operations())


def test_request_bodies_are_json_only() -> None:
    bodies = [one["requestBody"] for one in operations() if "requestBody" in one]
    assert {media_type for body in bodies for media_type in body["content"]} == {JSON}


def test_schema_names_shadow_no_global_of_a_language() -> None:
    assert not set(document()["components"]["schemas"]) & (set(dir(builtins)) | JAVASCRIPT)


def test_links_lead_from_login_to_what_takes_its_tokens() -> None:
    targets = {one["operationId"]: set(get_links(one)) for one in operations()}
    with_access_token = {
        *("getProfile", "logoutAll", "changePassword", "deleteAccount"),
        *("listSessions", "verifyAccessToken"),
    }
    with_both_tokens = with_access_token | {"refresh", "logout"}
    assert {name: found for name, found in targets.items() if found} == {
        "register": {"login"},
        "login": with_both_tokens,
        "refresh": with_access_token,
        "changePassword": with_both_tokens,
        "listSessions": {"revokeSession"},
    }


def test_links_take_what_the_response_has() -> None:
    for one in operations():
        for link in get_links(one).values():
            for name in re.findall(r"\$response\.body#/(\w+)", json.dumps(link)):
                assert name in get_success_schema(one)["properties"]


def test_headers_and_shared_errors_are_described_once() -> None:
    headers = [
        header
        for path in DOCUMENTED
        for one in answers(path).values()
        for header in one["headers"].values()
    ]
    assert all(set(header) == {"$ref"} for header in headers)
    inline = [
        json.dumps(response)
        for one in operations()
        for status, response in one["responses"].items()
        if status >= "400" and "$ref" not in response
    ]
    assert len(set(inline)) == len(inline)


def test_schema_of_errors_is_named_after_its_operation_or_its_code() -> None:
    schemas = {
        name: failures(f"/api/v1/auth/{name}")[status]["content"][JSON]["schema"]["$ref"]
        for name, status in (
            ("register", 400),
            ("refresh", 401),
            ("login", 401),
            ("logout-all", 401),
        )
    }
    assert {name: reference.rpartition("/")[2] for name, reference in schemas.items()} == {
        "register": "RegisterBadRequest",
        "refresh": "RefreshUnauthorized",
        "login": "InvalidCredentials",
        "logout-all": "Unauthorized",
    }
