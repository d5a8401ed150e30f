"""The code of docs/guides/add-an-error-code.md, in a copy of the project."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.guides import (
    copy_project,
    insert,
    read_code_blocks,
    read_page,
    run_in,
    run_tests_in,
)

GUIDE = "add-an-error-code.md"
REFERENCE_TEST = "tests/e2e/docs/test_api_reference.py::test_codes_match_the_responses"
IMPORT = "from accounts.domain.errors import TooManyAccounts\n"

REGISTER = """
import json, django
django.setup()
from django.test import Client
from accounts.domain.errors import TooManyAccounts
from accounts.services import get_services

def refuse(user):
    raise TooManyAccounts

get_services().accounts.store.add_user = refuse
body = {"email": "ada@example.com", "password": "correct horse battery"}
response = Client().post("/api/v1/auth/register", body, content_type="application/json")
print(json.dumps([response.status_code, response.json()]))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the error code, without its row in the API reference."""
    copy = copy_project(tmp_path_factory.mktemp("project"))
    error, case, description = read_code_blocks(GUIDE)
    argument = re.findall(r"`(errors=[^`]+)`", read_page(GUIDE))[0] + ","
    insert(copy / "accounts/domain/errors.py", error)
    exceptions = copy / "accounts/rest/exceptions.py"
    insert(exceptions, case, indent=8, before="        case ServiceUnavailable():\n")
    insert(exceptions, IMPORT, before="from accounts.rest.renderers import")
    operations = copy / "authproject/openapi/operations.py"
    insert(operations, argument, indent=8, after="        responses.Registered(),\n")
    insert(operations, IMPORT, before="from authproject.openapi import")
    insert(copy / "authproject/openapi/errors.py", description, indent=4, before="    404: ")
    return copy


def get_registration(document: dict[str, Any]) -> Any:
    return document["paths"]["/api/v1/auth/register"]["post"]["responses"]


def test_error_has_its_status_and_body(project: Path) -> None:
    status, body = json.loads(run_in(project, "-c", REGISTER).stdout)
    assert (status, body["code"]) == (403, "too_many_accounts")
    assert body["detail"] == "No more accounts can be registered."


def test_error_is_described_in_openapi(project: Path) -> None:
    run = run_in(project, "manage.py", "spectacular", "--format", "openapi-json", "--validate")
    document = json.loads(run.stdout)
    reference = get_registration(document)["403"]["$ref"]
    response = document["components"]["responses"][reference.rpartition("/")[2]]
    assert response["description"] == "No more accounts can be registered."
    examples = response["content"]["application/json"]["examples"].values()
    assert [example["value"]["code"] for example in examples] == ["too_many_accounts"]


def test_project_tests_ask_for_a_row(project: Path) -> None:
    assert "1 failed" in run_tests_in(project, REFERENCE_TEST)
    row = re.findall(r"^ *(\| `too_many_accounts` .*)$", read_page(GUIDE), re.MULTILINE)
    page = project / "docs/reference/api.md"
    insert(page, *row, before="| `permission_denied` |")
    assert "1 passed" in run_tests_in(project, REFERENCE_TEST)
