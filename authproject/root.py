"""The front door: every endpoint, linked."""

from typing import ClassVar

from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts.responses import Response
from accounts.views import BaseView
from authproject.paths import Route, routes


class RootView(BaseView):
    """Every endpoint of the service."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    name: ClassVar[str] = "Endpoints"
    """What the browsable API calls it."""

    def get(self, request: Request) -> Response:
        return Response(
            {
                route.name or route.path: request.build_absolute_uri(route.path)
                for route in routes()
                if _is_endpoint(route)
            }
        )


def _is_endpoint(route: Route) -> bool:
    # What has a namespace is a part of something else: the browsable API's login, Django's admin.
    return ":" not in route.name and getattr(route.view, "cls", None) is not RootView
