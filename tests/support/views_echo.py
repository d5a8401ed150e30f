"""A project's own views that repeat the request's body in their errors."""

from typing import Any, NoReturn

from django.urls import path
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.views import BaseAPIView
from authproject.urls import urlpatterns as ours


def get_code(request: Request) -> str:
    body: Any = request.data
    return str(body["code"])


class Echo(BaseAPIView):
    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request) -> Response:
        return Response({"code": get_code(request)}, status=400)


class Raise(Echo):
    def post(self, request: Request) -> NoReturn:
        raise PermissionDenied({get_code(request): "no"})


urlpatterns = [
    *ours,
    path("api/v1/protected/echo", Echo.as_view()),
    path("api/v1/protected/raise", Raise.as_view()),
]
