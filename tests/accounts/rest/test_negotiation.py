"""What is remembered of negotiations, and that it decides as DRF does."""

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request

from accounts.rest.negotiation import (
    CACHE_SIZE,
    MAX_HEADER_LENGTH,
    CachedContentNegotiation,
    _select_renderer,
)
from accounts.rest.parsers import FormParser, JSONParser
from accounts.rest.renderers import JSONRenderer

ACCEPTS = [
    "*/*",
    "application/json",
    "application/json; indent=4",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/*",
    "text/*, application/json",
    "",
]
BOTH: list[list[type[BaseRenderer]]] = [[JSONRenderer], [JSONRenderer, BrowsableAPIRenderer]]


def asked(accept: str | None = None, path: str = "/", **environ: Any) -> Request:
    headers = {} if accept is None else {"Accept": accept}
    return Request(RequestFactory().post(path, headers=headers, **environ))


def chosen(negotiation: Any, request: Request, classes: list[type[BaseRenderer]]) -> Any:
    """Return the class of the renderer and the media type, or the refusal."""
    try:
        renderer, media_type = negotiation.select_renderer(request, [cls() for cls in classes])
    except NotAcceptable:
        return NotAcceptable
    return type(renderer), media_type


@pytest.mark.parametrize("classes", BOTH, ids=["json", "json and html"])
@pytest.mark.parametrize("accept", [None, *ACCEPTS])
def test_it_chooses_as_drf_does_each_time(
    accept: str | None, classes: list[type[BaseRenderer]]
) -> None:
    expected = chosen(DefaultContentNegotiation(), asked(accept), classes)
    for _ in range(2):
        assert chosen(CachedContentNegotiation(), asked(accept), classes) == expected


def test_a_format_in_the_query_wins_over_what_is_remembered() -> None:
    negotiation = CachedContentNegotiation()
    assert chosen(negotiation, asked("*/*"), BOTH[1])[0] is JSONRenderer
    assert chosen(negotiation, asked("*/*", "/?format=api"), BOTH[1])[0] is BrowsableAPIRenderer


def test_what_is_remembered_is_bounded() -> None:
    for number in range(2 * CACHE_SIZE):
        chosen(CachedContentNegotiation(), asked(f"application/json; v={number}"), BOTH[0])
    assert _select_renderer.cache_info().currsize == CACHE_SIZE


def test_a_long_header_is_not_remembered() -> None:
    before = _select_renderer.cache_info().misses
    long = "application/json," * (MAX_HEADER_LENGTH // 16 + 1)
    assert chosen(CachedContentNegotiation(), asked(long), BOTH[0])[0] is JSONRenderer
    assert _select_renderer.cache_info().misses == before


@pytest.mark.parametrize(
    ("content_type", "parser"),
    [
        ("application/json", JSONParser),
        ("application/json; charset=latin-1", JSONParser),
        ("application/x-www-form-urlencoded", FormParser),
        ("text/plain", None),
        ("a" * (MAX_HEADER_LENGTH + 1), None),
    ],
)
def test_a_parser_is_chosen_by_the_media_type(content_type: str, parser: type | None) -> None:
    request = asked(content_type=content_type)
    for _ in range(2):
        found = CachedContentNegotiation().select_parser(request, [JSONParser(), FormParser()])
        assert (found if found is None else type(found)) is parser
