"""A subclass of `BaseAPIView` that overrides a hook of DRF responds as one of DRF's own view."""

from typing import Any, Never

import pytest
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request, clone_request
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import BaseThrottle
from rest_framework.versioning import QueryParameterVersioning
from rest_framework.views import APIView

from accounts.rest.responses import Response
from accounts.rest.views import BaseAPIView

METHODS = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")


class Authentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Any]:
        return f"user of {request.META['REQUEST_METHOD']}", request.method


class RefusingAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> None:
        raise AuthenticationFailed

    def authenticate_header(self, request: Request) -> str:
        return "Own"


class Denied(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method == "PUT"


class Throttle(BaseThrottle):
    def allow_request(self, request: Request, view: APIView) -> bool:
        return False

    def wait(self) -> int:
        return 7


class TextRenderer(BaseRenderer):
    media_type, format = "text/plain", "txt"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return str(data).encode()


class LengthParser(BaseParser):
    media_type = "*/*"

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> Any:
        return len(stream.read())


class LastRenderer(BaseContentNegotiation):
    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[-1]

    def select_renderer(self, request: Request, renderers: Any, suffix: Any = None) -> Any:
        return renderers[-1], f"{renderers[-1].media_type}; q=1"


class EchoMixin:
    authentication_classes: Any = [Authentication]
    permission_classes: Any = [AllowAny]
    parser_classes: Any = [JSONParser]
    renderer_classes: Any = [JSONRenderer]

    def put(self, request: Request, **kwargs: Any) -> Response:
        changed = clone_request(request, "PATCH")
        return Response(
            {
                "method": [request.method, request.META["REQUEST_METHOD"], changed.method],
                "meta": request.META is request._request.META is changed.META,
                "user": [str(request.user), request.auth, str(changed.user)],
                "data": request.data,
                "media_type": request.accepted_media_type,
                "version": request.version,
                "kwargs": kwargs,
            },
            headers={"X-Own": "1"},
        )

    get = put


class Hook(APIView):
    """Overrides nothing; each subclass overrides a part of `APIView`."""


class GetAuthenticators(Hook):
    def get_authenticators(self) -> list[Any]:
        return []


class GetAuthenticatorsOfMethod(Hook):
    def get_authenticators(self) -> list[Any]:
        return [Authentication()] if self.request.method == "PUT" else []


class GetPermissions(Hook):
    def get_permissions(self) -> list[Any]:
        return [Denied()]


class PermissionClasses(Hook):
    permission_classes = [Denied]


class AuthenticationRequired(Hook):
    authentication_classes: list[Any] = []
    permission_classes = [IsAuthenticated]


class GetRenderers(Hook):
    def get_renderers(self) -> list[Any]:
        return [TextRenderer()]


class RendererClasses(Hook):
    renderer_classes = [JSONRenderer, TextRenderer]


class GetParsers(Hook):
    def get_parsers(self) -> list[Any]:
        return [LengthParser()]


class GetThrottles(Hook):
    def get_throttles(self) -> list[Any]:
        return [Throttle()]


class ThrottleClasses(Hook):
    throttle_classes = [Throttle]


class GetContentNegotiator(RendererClasses):
    def get_content_negotiator(self) -> Any:
        return LastRenderer()


class NegotiationClass(RendererClasses):
    content_negotiation_class = LastRenderer


class Versioning(Hook):
    versioning_class = QueryParameterVersioning


class Initial(Hook):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound


class DjangosMethodIsChanged(Hook):
    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        request.method = "PUT"
        return super().initialize_request(request, *args, **kwargs)


class MethodIsChanged(Hook):
    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        request_ = super().initialize_request(request, *args, **kwargs)
        request_.method = "PUT"
        return request_


class PerformAuthentication(Hook):
    def perform_authentication(self, request: Any) -> None:
        request.user = "somebody"


class UserIsSetBefore(Hook):
    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        request_: Any = super().initialize_request(request, *args, **kwargs)
        request_.user, request_.auth = "somebody", "else"
        return request_


class UserIsReadBefore(Hook):
    def get_renderers(self) -> list[Any]:
        assert self.request.user
        self.request.authenticators = ()
        return [JSONRenderer()]


class NothingAuthenticates(Hook):
    authentication_classes: list[Any] = []


class RefusedToken(Hook):
    def get_authenticators(self) -> list[Any]:
        return [RefusingAuthentication()]


class PermissionDeniedHook(PermissionClasses):
    def permission_denied(self, *args: Any, **kwargs: Any) -> Never:
        raise PermissionDenied("not by me")


class HandleException(PermissionClasses):
    def handle_exception(self, exc: Exception) -> Response:
        return Response({"handled": type(exc).__name__}, status=418)


class FinalizeResponse(Hook):
    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(*args, **kwargs)
        response["X-Final"] = "1"
        return response


class DefaultResponseHeaders(Hook):
    @property
    def default_response_headers(self) -> dict[str, str]:
        return {"Allow": "GET", "Vary": "Cookie"}


class AllowedMethods(Hook):
    allowed_methods = ["GET", "TRACE"]


class HTTPMethodNames(Hook):
    http_method_names = ["put", "options"]


class MethodNotAllowed(Hook):
    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return Response({"refused": request.method}, status=405)


class NoMetadata(Hook):
    metadata_class = None


HOOKS = [one for one in vars().values() if isinstance(one, type) and issubclass(one, Hook)]


def respond(hook: type[Any], base: type[APIView], method: str) -> tuple[Any, ...]:
    view: Any = type("EchoView", (hook, EchoMixin, base), {})
    body = '{"number": 7}' if method == "PUT" else ""
    request = APIRequestFactory().generic(method, "/?version=2", body, "application/json")
    response = view.as_view()(request, format=None)
    return response.status_code, dict(response.items()), response.render().content


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_overridden_hook_works_as_in_drf(hook: type[Any], method: str) -> None:
    assert respond(hook, BaseAPIView, method) == respond(hook, APIView, method)
