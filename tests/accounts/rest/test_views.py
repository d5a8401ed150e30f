"""In which order a request is judged: body size, media type, credentials, method, body."""

from typing import Any

import pytest

from tests.support.api import JSON, Api
from tests.support.http import LIMIT, problem, send

FAULTS = {
    "body size": (413, "payload_too_large"),
    "media type": (415, "unsupported_media_type"),
    "credentials": (401, "not_authenticated"),
    "method": (405, "method_not_allowed"),
    "body": (400, "parse_error"),
}
ORDER = list(FAULTS)


PUBLIC_ORDER = [fault for fault in ORDER if fault != "credentials"]


@pytest.mark.parametrize(
    ("path", "first"),
    [
        *[("auth/password", first) for first in ORDER],
        *[("auth/register", first) for first in PUBLIC_ORDER],
    ],
)
def test_the_first_fault_is_the_answer(api: Api, path: str, first: str) -> None:
    faults = ORDER[ORDER.index(first) :]
    needs_token = path == "auth/password" and "credentials" not in faults
    response = send(
        api,
        f"/api/v1/{path}",
        b"{" * (LIMIT + 1 if "body size" in faults else 9),
        "text/plain" if "media type" in faults else JSON,
        method="PUT" if "method" in faults else "POST",
        token=api.enter()["access_token"] if needs_token else None,
    )
    assert problem(response) == FAULTS[first]


def test_a_bad_token_is_judged_before_the_method(api: Api) -> None:
    response = send(api, "/api/v1/auth/logout-all", method="GET", token="bad")
    assert problem(response) == (401, "token_invalid")


def test_the_media_type_is_judged_before_a_bad_token(api: Api) -> None:
    response = send(api, "/api/v1/auth/password", b"a=1", "text/plain", token="bad")
    assert problem(response) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/", "/health", "/api/v1/auth/login", "/nowhere"])
def test_a_body_over_the_limit_is_refused_wherever_it_goes(api: Api, path: str) -> None:
    assert problem(send(api, path, b" " * (LIMIT + 1))) == (413, "payload_too_large")


def test_a_body_at_the_limit_is_read(api: Api) -> None:
    body = b'{"email": "user@example.com", "password": "long enough"}'.ljust(LIMIT)
    assert send(api, "/api/v1/auth/register", body).status_code == 201


def test_an_oversized_body_is_refused_unread(api: Api) -> None:
    class Unread:
        def read(self, *size: int) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    unread: dict[str, Any] = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(LIMIT + 1)}
    response = send(api, "/api/v1/auth/login", **unread)
    assert problem(response) == (413, "payload_too_large")


@pytest.mark.parametrize("path", ["auth/register", "auth/login", "auth/refresh", "auth/logout"])
def test_an_empty_json_body_counts_as_an_empty_object(api: Api, path: str) -> None:
    response = send(api, f"/api/v1/{path}")
    assert problem(response) == (422, "unprocessable")
    assert response.json() == send(api, f"/api/v1/{path}", b"{}").json()


@pytest.mark.parametrize("path", ["/", "/api/v1/", "/health", "/health/ready"])
def test_probes_and_roots_judge_the_media_type_before_the_method(api: Api, path: str) -> None:
    response = send(api, path, b"a", "text/plain", method="POST")
    assert problem(response) == (415, "unsupported_media_type")
