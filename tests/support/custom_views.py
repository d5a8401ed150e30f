"""Views as another project might write them."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import include, path
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.authentication import BasicAuthentication
from rest_framework.filters import BaseFilterBackend
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import JWTAuthentication
from accounts.browsable.authentication import CookieAuthentication
from accounts.domain.interfaces import StoreAccess
from accounts.rest.renderers import JSONRenderer
from authproject.urls import urlpatterns as ours


class AddressSerializer(serializers.Serializer[Any]):
    street = serializers.CharField(max_length=5)


class NoteSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=5)
    tags = serializers.ListField(child=serializers.IntegerField(), required=False)
    address = AddressSerializer(required=False)
    others = AddressSerializer(many=True, required=False)
    due = serializers.DateTimeField(required=False)
    colour = serializers.ChoiceField(choices=["red"], required=False)
    pin = serializers.CharField(required=False, write_only=True)


class NoteView(GenericAPIView[Any]):
    """Public; validates as DRF's own views do."""

    serializer_class = NoteSerializer
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.data)

    put = patch = post


class QuickView(NoteView):
    """Public, and does not access the store, as docs/guides/add-an-endpoint.md describes."""

    store_access = StoreAccess.NONE

    def get(self, request: Request) -> Response:
        return Response({})


class ManyNotesView(NoteView):
    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        return super().get_serializer(*args, many=True, **kwargs)


class ClassicView(NoteView):
    """Returns validation errors itself, in DRF's shape."""

    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid()
        return Response(serializer.errors, status=400)


class AnsweringView(NoteView):
    """Returns the `answer` that `as_view` is given."""

    answer: Any = None

    def post(self, request: Request) -> Response:
        return Response(self.answer, status=409)


class Matching(BaseFilterBackend):
    def to_html(self, request: Request, queryset: Any, view: Any) -> str:
        return "matching"


class ListView(NoteView):
    filter_backends = (Matching,)
    queryset: Any = ()

    def get_queryset(self) -> Any:
        return ()

    def get(self, request: Request) -> Response:
        return Response([])


class Conflict(drf.ValidationError):
    status_code = 409
    default_code = "conflict"
    default_detail = "Somebody was faster."


class Unwelcome(drf.APIException):
    """The view has no authenticator with a challenge for it."""

    status_code = 401
    default_code = "unwelcome"


class Basic(BasicAuthentication):
    www_authenticate_realm = "notes"


class RaisingView(NoteView):
    """Raises the `error` that `as_view` is given."""

    error: Any = None

    def post(self, request: Request) -> Response:
        raise self.error


def raising(name: str, error: Exception, **options: Any) -> Any:
    return path(name, RaisingView.as_view(error=error, **options))


def answering(name: str, answer: Any) -> Any:
    return path(name, AnsweringView.as_view(answer=answer))


urlpatterns = [
    *ours,
    path("secured", NoteView.as_view(authentication_classes=[CookieAuthentication])),
    path("quick", QuickView.as_view()),
    path("quick-json", QuickView.as_view(renderer_classes=[JSONRenderer])),
    path("listed", NoteView.as_view(), name="listed"),
    path("listed-again", NoteView.as_view(), name="listed"),
    path("apart/", include(([path("listed", NoteView.as_view(), name="listed")], "apart"))),
    path("classic", ClassicView.as_view()),
    path("list", ListView.as_view()),
    answering("nothing", None),
    answering("texts", ["no"]),
    answering("word", "no"),
    answering("half-our-shape", {"errors": {"name": ["bad"]}}),
    answering("odd-errors", {"detail": "no", "code": "no", "errors": ["bad"]}),
    path("slash/", NoteView.as_view()),
    path("notes", NoteView.as_view()),
    path("many", ManyNotesView.as_view()),
    raising("text", drf.ValidationError("It cannot be.", "impossible")),
    raising("conflict", Conflict({"name": "taken"})),
    raising("forbidden", drf.PermissionDenied({"name": ["Not yours."]})),
    raising("denied", PermissionDenied()),
    raising("missing", Http404()),
    raising("throttled", drf.Throttled(wait=2.5)),
    raising("for-ever", drf.Throttled()),
    raising("failed", drf.AuthenticationFailed(), authentication_classes=[JWTAuthentication]),
    raising("unwelcome", Unwelcome()),
    raising("basic", drf.NotAuthenticated(), authentication_classes=[Basic]),
    raising("teapot", drf.APIException(drf.ErrorDetail("Short and stout."))),
    raising("no-details", drf.ValidationError({})),
    raising("nameless-code", drf.ValidationError(drf.ErrorDetail("It cannot be."))),
]
handler404 = "accounts.rest.exceptions.not_found"
handler500 = "accounts.rest.exceptions.server_error"
