"""What the paths of a project's own views are called, and said to wait for."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from accounts.browsable.renderers import EndpointRenderer
from accounts.domain.interfaces import Waits
from accounts.rest.renderers import JSONRenderer
from accounts.rest.views import BaseAPIView
from authproject.server.routes import routes


class Quick(BaseAPIView):
    authentication_classes = ()
    waits = Waits.NOTHING


class Silent(BaseAPIView):
    pass


def waits(patterns: list[Any]) -> dict[str, Waits]:
    return {route.path: route.waits for route in routes(patterns)}


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def test_a_view_that_says_nothing_may_wait_for_anything() -> None:
    patterns = [path("silent", Silent.as_view()), path("function", view)]
    assert waits(patterns) == {"/silent": Waits.ANYTHING, "/function": Waits.ANYTHING}


def test_a_view_says_what_it_waits_for() -> None:
    assert waits([path("quick", Quick.as_view())]) == {"/quick": Waits.NOTHING}


def test_who_is_authenticated_waits_for_it() -> None:
    patterns = [path("me", Silent.as_view(waits=Waits.NOTHING))]
    assert waits(patterns) == {"/me": Waits.IDENTITY}


def test_a_route_says_it_for_its_view() -> None:
    patterns = [path("quick", Silent.as_view(waits=Waits.IDENTITY))]
    assert waits(patterns) == {"/quick": Waits.IDENTITY}


@pytest.mark.parametrize(
    ("renderers", "expected"),
    [([JSONRenderer], Waits.NOTHING), ([JSONRenderer, EndpointRenderer], Waits.IDENTITY)],
)
def test_a_page_waits_for_whose_a_cookie_is(renderers: list[Any], expected: Waits) -> None:
    (route,) = routes([path("quick", Quick.as_view(renderer_classes=renderers))])
    assert route.waits is Waits.NOTHING
    assert route.waits_with_cookie is expected


def test_included_paths_have_their_prefix() -> None:
    patterns = [path("api/", include([path("quick", Quick.as_view())]))]
    assert waits(patterns) == {"/api/quick": Waits.NOTHING}


def test_paths_with_a_variable_part_have_threads() -> None:
    patterns = [path("users/<int:pk>", Quick.as_view()), re_path("^odd$", Quick.as_view())]
    assert waits(patterns) == {}


def test_names_have_their_namespaces() -> None:
    pages = path("browse/", include(([path("login", view, name="login")], "pages")))
    patterns = [path("notes", view, name="notes"), path("nameless", view), pages]
    assert [route.name for route in routes(patterns)] == ["notes", "", "pages:login"]
