"""The OpenAPI document of a service with `REFRESH_TOKEN_COOKIE`."""

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.support.settings import AccountsSettings

AUTH = "/api/v1/auth/"


@pytest.fixture
def document(accounts_settings: AccountsSettings) -> Any:
    accounts_settings(REFRESH_TOKEN_COOKIE=True)
    return SchemaGenerator().get_schema(request=None, public=True)


def get_operation(document: Any, name: str) -> Any:
    return document["paths"][AUTH + name]["post"]


def test_document_is_valid(document: Any) -> None:
    validate_schema(document)


@pytest.mark.parametrize("name", ["login", "password"])
def test_refresh_token_is_in_the_cookie_only(document: Any, name: str) -> None:
    success = get_operation(document, name)["responses"]["200"]
    content = success["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/AccessToken"}
    assert content["examples"]["Usual"]["value"].keys() == {
        "access_token",
        "token_type",
        "expires_in",
    }
    assert success["headers"]["Set-Cookie"]["required"]
    assert not {"refresh", "logout"} & success["links"].keys()


@pytest.mark.parametrize("name", ["refresh", "logout"])
def test_body_is_optional_with_the_cookie(document: Any, name: str) -> None:
    operation = get_operation(document, name)
    assert operation["requestBody"]["required"] is False
    assert operation["security"] == [{"refreshCookie": []}, {}]
    assert document["components"]["securitySchemes"]["refreshCookie"]["in"] == "cookie"


@pytest.mark.parametrize(("name", "required"), [("login", True), ("refresh", False)])
def test_header_and_its_error_are_described(document: Any, name: str, *, required: bool) -> None:
    operation = get_operation(document, name)
    [parameter] = operation["parameters"]
    assert (parameter["name"], parameter["required"]) == ("X-Requested-With", required)
    reference = operation["responses"]["403"]["$ref"].rpartition("/")[2]
    content = document["components"]["responses"][reference]["content"]["application/json"]
    assert content["examples"].keys() == {"csrf_failed"}


@pytest.mark.parametrize("name", ["logout", "logout-all", "delete-account"])
def test_end_of_a_session_may_delete_the_cookie(document: Any, name: str) -> None:
    headers = get_operation(document, name)["responses"]["204"]["headers"]
    assert headers["Set-Cookie"]["required"] is False


def test_other_operations_are_as_ever(document: Any) -> None:
    register = get_operation(document, "register")
    assert "403" not in register["responses"]
    assert "Set-Cookie" not in register["responses"]["201"]["headers"]
