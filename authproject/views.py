"""The API root, and base classes for views outside `/api/v1/`."""

from typing import ClassVar

from django.urls import get_script_prefix
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts.conf import conf
from accounts.rest.negotiation import IgnoreAcceptNegotiation
from accounts.rest.renderers import JSONRenderer
from accounts.rest.responses import Response
from accounts.rest.views import BaseAPIView
from authproject.server.routes import iter_routes


class PublicJSONView(BaseAPIView):
    """Needs no token and responds with JSON."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)


class SingleMediaTypeView(PublicJSONView):
    """Responds with one media type and ignores `Accept`. Errors are JSON."""

    content_negotiation_class = IgnoreAcceptNegotiation


class APIRootView(BaseAPIView):
    """Lists every endpoint of the service."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    name: ClassVar[str] = "Endpoints"
    """The heading in the browsable API."""

    def get(self, request: Request) -> Response:
        endpoints: dict[str, str] = {}
        prefix = get_script_prefix().removesuffix("/")
        for route in iter_routes():
            # DRF requires this namespace for the login of the browsable API.
            login = route.name.startswith("rest_framework:")
            enabled_by = route.get_fact("enabled_by")
            if enabled_by and not getattr(conf, enabled_by):
                continue
            if not login and getattr(route.view, "cls", None) is not APIRootView:
                name = route.name if route.name and route.name not in endpoints else route.path
                endpoints[name] = request.build_absolute_uri(prefix + route.path)
        return Response(endpoints)
