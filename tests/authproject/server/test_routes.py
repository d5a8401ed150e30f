"""Routes of a project's own URL patterns: paths, names and what their views declare."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from accounts.domain.interfaces import StoreAccess
from accounts.rest.views import BaseAPIView
from authproject.server.routes import iter_routes


class DeclaringView(BaseAPIView):
    authentication_classes = ()
    store_access = StoreAccess.NONE


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def get_store_access(*patterns: Any) -> dict[str, StoreAccess | None]:
    return {route.path: route.get_fact("store_access") for route in iter_routes(patterns)}


def test_route_view_declares_nothing_has_no_access() -> None:
    patterns = [path("silent", BaseAPIView.as_view()), path("function", view)]
    assert get_store_access(*patterns) == {"/silent": None, "/function": None}


def test_route_reads_facts_of_the_view_class() -> None:
    [route] = iter_routes([path("public", DeclaringView.as_view())])
    assert route.get_fact("store_access") is StoreAccess.NONE
    assert route.get_fact("authentication_classes") == ()
    assert route.get_fact("hashes_password") is False
    assert route.get_fact("unheard_of") is None


def test_route_options_of_as_view_override_the_class() -> None:
    pattern = path("own", DeclaringView.as_view(store_access=StoreAccess.IDENTITY))
    assert get_store_access(pattern) == {"/own": StoreAccess.IDENTITY}


def test_route_included_patterns_have_the_prefix() -> None:
    pattern = path("api/", include([path("public", DeclaringView.as_view())]))
    assert get_store_access(pattern) == {"/api/public": StoreAccess.NONE}


def test_route_with_variable_part_is_left_out() -> None:
    patterns = [path("users/<int:pk>", view), re_path("^odd$", view)]
    assert get_store_access(*patterns) == {}


def test_route_names_have_their_namespaces() -> None:
    pages = path("browse/", include(([path("login", view, name="login")], "pages")))
    patterns = [path("notes", view, name="notes"), path("nameless", view), pages]
    assert [route.name for route in iter_routes(patterns)] == ["notes", "", "pages:login"]
