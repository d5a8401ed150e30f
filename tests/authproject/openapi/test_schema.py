"""A project's own views, which the table of operations does not list."""

from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema

from tests.support.custom_views import NoteView


def test_view_outside_the_table_is_described_by_drf_spectacular() -> None:
    generator = SchemaGenerator(patterns=[path("api/v1/notes", NoteView.as_view())])
    operation = generator.get_schema(public=True)["paths"]["/api/v1/notes"]["post"]
    assert operation["description"] == "Public; validates as DRF's own views do."
    assert operation["tags"] == ["notes"]
    assert set(operation["responses"]) == {"200"}


def test_excluded_view_is_not_described() -> None:
    @extend_schema(exclude=True)
    class ExcludedView(NoteView):
        pass

    generator = SchemaGenerator(patterns=[path("api/v1/notes", ExcludedView.as_view())])
    assert generator.get_schema(public=True)["paths"] == {}
