"""A project's own views, which the table of operations does not list."""

from typing import Any

import pytest
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions as drf

from authproject.openapi.operations import OPERATIONS, Operation
from tests.support.custom_views import NoteView


def build_document(view: type[NoteView] = NoteView) -> Any:
    generator = SchemaGenerator(patterns=[path("api/v1/notes", view.as_view())])
    return generator.get_schema(public=True)


def test_view_outside_the_table_is_described_by_drf_spectacular() -> None:
    operation = build_document()["paths"]["/api/v1/notes"]["post"]
    assert operation["description"] == "Public; validates as DRF's own views do."
    assert operation["tags"] == ["notes"]
    assert set(operation["responses"]) == {"200"}


def test_excluded_view_is_not_described() -> None:
    @extend_schema(exclude=True)
    class ExcludedView(NoteView):
        pass

    assert build_document(ExcludedView)["paths"] == {}


class UnknownStatus(drf.APIException):
    status_code = 499


def test_errors_of_other_statuses_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = (drf.Throttled(), drf.PermissionDenied(), drf.PermissionDenied("No.", "not_yours"))
    operation = Operation("addNote", response=str, errors=(*errors, UnknownStatus()))
    monkeypatch.setitem(OPERATIONS, "/api/v1/notes", operation)
    document = build_document()
    responses = document["paths"]["/api/v1/notes"]["post"]["responses"]
    components = document["components"]
    assert components["responses"]["Throttled"]["description"] == "Too Many Requests."
    assert components["responses"]["Error"]["description"] == "Error."
    assert responses["403"]["description"] == "Forbidden."
    assert "AddNoteForbidden" in components["schemas"]
