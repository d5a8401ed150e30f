"""A closed response, its request and its view are freed at once."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.viewsets import ViewSet

from accounts.rest.renderers import JSONRenderer
from accounts.rest.responses import Response
from accounts.rest.views import BaseAPIView


class EchoViewSet(BaseAPIView, ViewSet):
    authentication_classes = []
    permission_classes = [AllowAny]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]

    def create(self, request: Request) -> Response:
        response = Response(request.data)
        alive.extend(map(weakref.ref, (self, request, response)))
        return response


alive: list[weakref.ref[Any]] = []


@pytest.fixture(autouse=True)
def _no_garbage_collector() -> Iterator[None]:
    alive.clear()
    gc.disable()
    yield
    gc.enable()


def test_closed_response_frees_request_and_view() -> None:
    request = APIRequestFactory().post("/", {"a": 1}, format="json")
    response: Any = EchoViewSet.as_view({"post": "create"})(request)
    assert response.render().content == b'{"a":1}'
    response.close()
    del response
    assert [one() for one in alive] == [None, None, None]


def test_response_outside_of_view_is_closed() -> None:
    Response({"a": 1}).close()


def test_response_is_closed_twice() -> None:
    response: Any = EchoViewSet.as_view({"post": "create"})(APIRequestFactory().post("/"))
    response.render().close()
    response.close()
    assert response.data == {}
