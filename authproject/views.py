"""The API root, and base classes for views outside `/api/v1/`."""

from typing import ClassVar

from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accounts.rest.renderers import JSONRenderer
from accounts.rest.responses import Response
from accounts.rest.views import BaseAPIView
from authproject.server.routes import Route, routes


class PublicJSONView(BaseAPIView):
    """Needs no token and answers in JSON."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)


class SingleMediaTypeView(PublicJSONView):
    """Answers with one media type whatever the client accepts; DRF renders only its errors."""

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type


class APIRootView(BaseAPIView):
    """Every endpoint of the service."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    name: ClassVar[str] = "Endpoints"
    """What the browsable API calls it."""

    def get(self, request: Request) -> Response:
        endpoints: dict[str, str] = {}
        for route in filter(_is_endpoint, routes()):
            name = route.name if route.name and route.name not in endpoints else route.path
            endpoints[name] = request.build_absolute_uri(route.path)
        return Response(endpoints)


def _is_endpoint(route: Route) -> bool:
    # The browsable API's own login is no endpoint; DRF says what its namespace is called.
    login = route.name.startswith("rest_framework:")
    return not login and getattr(route.view, "cls", None) is not APIRootView
