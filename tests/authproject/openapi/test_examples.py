"""What the service answers is what the document gives as examples, and the reverse."""

from typing import Any

import pytest

from tests.support.api import JSON, Api, MovableClock
from tests.support.http import ENDPOINTS, LIMIT, BuggyStore, Start, UnreachableStore, send
from tests.support.openapi import (
    BEARER,
    PAGES,
    PROBES,
    WITH_BODY,
    every_endpoint,
    failures,
    operation,
)


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
    start().accounts.store = store(clock)
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
