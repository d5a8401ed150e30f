"""The cache decides as DRF does, and `Accept` and `?format=` over HTTP."""

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request

from accounts.rest.negotiation import (
    CACHE_SIZE,
    MAX_ACCEPT_LENGTH,
    CachedContentNegotiation,
    _select_renderer,
)
from accounts.rest.parsers import FormParser, JSONParser
from accounts.rest.renderers import JSONRenderer
from tests.support.api import JSON, Api
from tests.support.http import get_error

PROFILE = "/api/v1/protected/profile"
ACCEPTS = [
    "*/*",
    "application/json",
    "application/json; indent=4",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/*",
    "text/*, application/json",
]
JSON_ONLY: list[type[BaseRenderer]] = [JSONRenderer]
JSON_AND_HTML: list[type[BaseRenderer]] = [JSONRenderer, BrowsableAPIRenderer]


def build_request(accept: str | None = None, path: str = "/", **environ: Any) -> Request:
    headers = {} if accept is None else {"Accept": accept}
    return Request(RequestFactory().post(path, headers=headers, **environ))


def select(negotiation: Any, request: Request, classes: list[type[BaseRenderer]]) -> Any:
    """Return the class of the renderer and the media type, or `NotAcceptable`."""
    try:
        renderer, media_type = negotiation.select_renderer(request, [cls() for cls in classes])
    except NotAcceptable:
        return NotAcceptable
    return type(renderer), media_type


@pytest.mark.parametrize("classes", [JSON_ONLY, JSON_AND_HTML])
@pytest.mark.parametrize("accept", [None, *ACCEPTS])
def test_renderer_is_the_one_that_drf_selects(
    accept: str | None, classes: list[type[BaseRenderer]]
) -> None:
    expected = select(DefaultContentNegotiation(), build_request(accept), classes)
    for _ in range(2):
        assert select(CachedContentNegotiation(), build_request(accept), classes) == expected


def test_format_in_query_overrides_the_cache() -> None:
    negotiation = CachedContentNegotiation()
    assert select(negotiation, build_request("*/*"), JSON_AND_HTML)[0] is JSONRenderer
    assert (
        select(negotiation, build_request("*/*", "/?format=api"), JSON_AND_HTML)[0]
        is BrowsableAPIRenderer
    )


def test_cache_has_a_limit() -> None:
    for number in range(2 * CACHE_SIZE):
        select(
            CachedContentNegotiation(), build_request(f"application/json; v={number}"), JSON_ONLY
        )
    assert _select_renderer.cache_info().currsize == CACHE_SIZE


def test_long_accept_is_not_cached() -> None:
    before = _select_renderer.cache_info().misses
    long = "application/json," * (MAX_ACCEPT_LENGTH // 16 + 1)
    assert select(CachedContentNegotiation(), build_request(long), JSON_ONLY)[0] is JSONRenderer
    assert _select_renderer.cache_info().misses == before


@pytest.mark.parametrize(
    ("content_type", "parser"),
    [
        ("application/json", JSONParser),
        ("application/json; charset=latin-1", JSONParser),
        ("application/x-www-form-urlencoded", FormParser),
        ("text/plain", None),
        ("*/*", None),  # A pattern belongs into `Accept`.
        ("application/*; charset=utf-8", None),
        ("a" * 9000, None),
    ],
)
def test_parser_is_selected_by_media_type(content_type: str, parser: type | None) -> None:
    request = build_request(content_type=content_type)
    for _ in range(2):
        selected = CachedContentNegotiation().select_parser(request, [JSONParser(), FormParser()])
        assert (selected and type(selected)) is parser


# Over HTTP


@pytest.mark.parametrize(
    "accept",
    [
        "/",
        "*",
        "json",
        "application",
        "\xff/\xfe",
        "a" * 20_000,
        "a/b," * 5000,
        "application/json; x*=bogus''%41",
        "image/*",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_malformed_accept_is_406(api: Api, accept: str) -> None:
    response = api.client.get("/api/v1/", headers={"Accept": accept})
    assert get_error(response) == (406, "not_acceptable")


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/*",
        "application/json;q=nan",
        "application/json; indent=x",
        f"application/json; indent={'9' * 5000}, */*",
        "a/b, application/json",
        "*/*; charset=rot13",
        ",,,*/*",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_odd_accept_that_allows_json_is_json(api: Api, accept: str) -> None:
    response = api.client.get("/api/v1/", headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == JSON


@pytest.mark.parametrize("accept", ["", ",", " ,\t, ", "\t"])
@pytest.mark.parametrize("query", ["", "?x=1"])
def test_empty_accept_allows_any_media_type(api: Api, accept: str, query: str) -> None:
    response = api.client.get(f"/api/v1/{query}", headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, JSON)


@pytest.mark.parametrize("name", ["json", ""])
def test_format_json_in_query_is_json(api: Api, name: str) -> None:
    response = api.client.get(f"{PROFILE}?format={name}")
    assert get_error(response) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "name", ["xml", "JSON", "%00", "%ff", "..%2f..%2fetc", "a" * 9000, "%F0%9F"]
)
def test_unknown_format_in_query_is_404(api: Api, name: str) -> None:
    assert get_error(api.client.get(f"{PROFILE}?format={name}")) == (404, "not_found")


@pytest.mark.parametrize("element", ['a/b; x="' + ";" * 15_000, "a/b," * 64 + "text/html"])
def test_long_element_of_accept_is_ignored(api: Api, element: str) -> None:
    response = api.client.get("/", headers={"Accept": f"application/json,{element}"})
    assert response.headers["Content-Type"] == "application/json"
