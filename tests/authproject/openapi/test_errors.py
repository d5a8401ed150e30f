"""The examples of the document are real responses, and its request examples are accepted."""

from typing import Any

import pytest
from rest_framework.views import APIView

from accounts.authentication import JWTAuthentication
from accounts.domain.errors import AccountError, StoreUnavailable
from authproject.openapi.errors import get_errors
from tests.support.api import JSON, Api, MovableClock
from tests.support.http import DOCUMENTED, LIMIT, BuggyStore, Start, UnreachableStore, send
from tests.support.openapi import (
    BEARER,
    PAGES,
    PROBES,
    WITH_BODY,
    every_endpoint,
    failures,
    operation,
)


def assert_is_example(path: str, response: Any) -> None:
    """Assert that the document has this body among its examples."""
    examples = failures(path)[response.status_code]["content"][JSON]["examples"]
    body = {name: value for name, value in response.json().items() if name != "request_id"}
    values = [
        {name: value for name, value in example["value"].items() if name != "request_id"}
        for example in examples.values()
    ]
    assert body in values


@pytest.fixture
def api(start: Start) -> Api:
    start(TRACK_SESSIONS=True)
    return Api()


@every_endpoint
def test_bad_request_response_is_an_example(api: Api, path: str) -> None:
    method = DOCUMENTED[path]
    assert_is_example(path, send(api, path, method="PUT"))
    assert_is_example(path, send(api, path, b" " * (LIMIT + 1), method=method))
    assert_is_example(path, send(api, path, b"text", "text/plain", method=method))
    if path not in PROBES:
        assert_is_example(
            path, send(api, path, method=method, headers={"Host": "elsewhere.example"})
        )
    if path not in PAGES:
        assert_is_example(path, send(api, path, method=method, headers={"Accept": "image/png"}))


@pytest.mark.parametrize("path", sorted(BEARER))
def test_invalid_token_response_is_an_example(api: Api, path: str) -> None:
    for token in (None, "no token"):
        assert_is_example(path, send(api, path, method=DOCUMENTED[path], token=token))


@pytest.mark.parametrize("path", sorted(WITH_BODY))
@pytest.mark.parametrize("body", [b"{}", b"[]", b"{"])
def test_malformed_body_response_is_an_example(api: Api, path: str, body: bytes) -> None:
    assert_is_example(path, send(api, path, body, token=api.register_and_log_in()["access_token"]))


@pytest.mark.parametrize(("store", "status"), [(UnreachableStore, 503), (BuggyStore, 500)])
def test_store_failure_response_is_an_example(
    start: Start, clock: MovableClock, store: Any, status: int
) -> None:
    start().accounts.store = store(clock)
    response = Api().register()
    assert response.status_code == status
    assert_is_example("/api/v1/auth/register", response)


def test_request_examples_are_accepted(api: Api) -> None:
    examples = {
        name: operation(f"/api/v1/auth/{name}")["requestBody"]["content"][JSON]["examples"]
        for name in ("register", "login", "password")
    }
    bodies = {name: next(iter(found.values()))["value"] for name, found in examples.items()}
    assert api.post("auth/register", bodies["register"]).status_code == 201
    tokens = api.post("auth/login", bodies["login"]).json()
    changed = api.post("auth/password", bodies["password"], token=tokens["access_token"])
    assert changed.status_code == 200


def test_view_without_declarations_has_errors() -> None:
    # A project's own view, as DRF has it: its authenticators need the store.
    class OwnView(APIView):
        authentication_classes = (JWTAuthentication,)

    assert any(isinstance(error, StoreUnavailable) for error in get_errors("/own", OwnView()))
    public = OwnView(authentication_classes=())
    errors = [error for error in get_errors("/own", public) if isinstance(error, AccountError)]
    assert [error.code for error in errors] == ["overloaded"]
