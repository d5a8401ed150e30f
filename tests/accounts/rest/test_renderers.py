"""JSON responses are the same bytes as from DRF's renderer."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils.functional import lazystr
from rest_framework import renderers
from rest_framework.exceptions import ErrorDetail

from accounts.rest.renderers import JSONRenderer

VALUES: list[Any] = [
    {"email": "ünï@example.com", "message": 'quotes " and \\ and /'},
    {"list": [1, 2.5, True, None], "nested": {"a": {}}},
    {"emoji": "\U0001f600"},
    {"lazy": lazystr("later")},
    {"decimal": Decimal("1.10"), "uuid": UUID(int=7)},
    {"when": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "day": date(2026, 1, 2)},
    {"error": ErrorDetail("wrong", "code")},
    {"big": 2**70},
    {1: "a key that is no string"},
    [],
    {},
    "",
    None,
]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_json_is_the_same_as_from_drf(value: Any) -> None:
    media_type = JSONRenderer.media_type
    assert JSONRenderer().render(value, media_type) == renderers.JSONRenderer().render(
        value, media_type
    )


def test_indent_in_accept_is_used() -> None:
    assert JSONRenderer().render({"a": 1}, "application/json; indent=4") == b'{\n    "a": 1\n}'


def test_indent_of_browsable_api_is_used() -> None:
    shown = JSONRenderer().render({"a": 1}, "application/json", {"indent": 4})
    assert shown == b'{\n    "a": 1\n}'
