"""What the paths of a project's own views are said to wait for."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from accounts.core.ports import Waits
from accounts.views import BaseView
from authproject.paths import _waits_of, _walk


class Quick(BaseView):
    authentication_classes = ()
    waits = Waits.NOTHING


class Silent(BaseView):
    pass


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def waits(patterns: list[Any]) -> dict[str, Waits]:
    return {path: _waits_of(view) for path, view in _walk("/", patterns)}


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


def test_included_paths_have_their_prefix() -> None:
    patterns = [path("api/", include([path("quick", Quick.as_view())]))]
    assert waits(patterns) == {"/api/quick": Waits.NOTHING}


def test_paths_with_a_variable_part_have_threads() -> None:
    patterns = [path("users/<int:pk>", Quick.as_view()), re_path("^odd$", Quick.as_view())]
    assert waits(patterns) == {}
