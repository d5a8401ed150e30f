"""The document of a project with fields of its own: those of tests/support/profiles.py."""

import json
from typing import Any

import jsonschema
import pytest

from tests.support.api import JSON
from tests.support.processes import run_manage

REGISTER, PROFILE = "/api/v1/auth/register", "/api/v1/protected/profile"
SENT = {"display_name", "born", "nickname", "tags", "address", "score", "anything", "invitation"}
SHOWN = (SENT - {"invitation"}) | {"plan", "initials"}


@pytest.fixture(scope="module")
def document() -> Any:
    command = "spectacular --format openapi-json --validate --fail-on-warn"
    written = run_manage(
        *command.split(), DJANGO_SETTINGS_MODULE="tests.support.profile_settings", LOG_LEVEL="ERROR"
    )
    assert (written.returncode, written.stderr) == (0, "")
    return json.loads(written.stdout)


def get_schema(document: Any, part: Any) -> Any:
    schema = part["content"][JSON]["schema"]
    return document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def test_registration_has_the_fields(document: Any) -> None:
    operation = document["paths"][REGISTER]["post"]
    schema = get_schema(document, operation["requestBody"])
    assert schema["properties"].keys() == {"email", "password"} | SENT
    assert set(schema["required"]) == {"email", "password", "display_name"}
    assert schema["properties"]["display_name"]["maxLength"] == 20
    assert "examples" not in operation["requestBody"]["content"][JSON]  # no value fits each field


@pytest.mark.parametrize("method", ["get", "patch"])
def test_profile_has_the_fields(document: Any, method: str) -> None:
    schema = get_schema(document, document["paths"][PROFILE][method]["responses"]["200"])
    assert schema["properties"].keys() == {"email", "message"} | SHOWN
    assert schema["required"] == ["email", "message"]


def test_change_has_the_fields_and_needs_none(document: Any) -> None:
    operation = document["paths"][PROFILE]["patch"]
    assert (operation["operationId"], operation["security"]) == ("updateProfile", [{"bearer": []}])
    schema = get_schema(document, operation["requestBody"])
    assert schema["properties"].keys() > SENT
    assert "required" not in schema
    assert {"400", "401", "415", "422", "503"} < operation["responses"].keys()
    assert "422" not in document["paths"][PROFILE]["get"]["responses"]


@pytest.mark.parametrize(("path", "method"), [(REGISTER, "post"), (PROFILE, "patch")])
def test_errors_may_have_codes_of_the_project(document: Any, path: str, method: str) -> None:
    for status, code in (("400", "invalid"), ("422", "unprocessable")):
        response = document["paths"][path][method]["responses"][status]
        schema = {**get_schema(document, response), "components": document["components"]}
        error = {"detail": "No.", "code": "a_code_of_the_project"}
        errors: Any = {"tags.0": [error], "non_field_errors": [error]}
        jsonschema.validate({"detail": "No.", "code": code, "errors": errors}, schema)
        errors["tags.0"] = "No."
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"detail": "No.", "code": code, "errors": errors}, schema)


@pytest.mark.parametrize("method", ["get", "patch"])
def test_example_of_the_profile_is_valid(document: Any, method: str) -> None:
    response = document["paths"][PROFILE][method]["responses"]["200"]
    [example] = response["content"][JSON]["examples"].values()
    assert example["value"] == {"email": "ada@example.com", "message": "This is protected data"}
