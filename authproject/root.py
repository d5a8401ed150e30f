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
        endpoints: dict[str, str] = {}
        for route in filter(_is_endpoint, routes()):
            name = route.name if route.name and route.name not in endpoints else route.path
            endpoints[name] = request.build_absolute_uri(route.path)
        return Response(endpoints)


def _is_endpoint(route: Route) -> bool:
    # The browsable API's own login is no endpoint; DRF says what its namespace is called.
    login = route.name.startswith("rest_framework:")
    return not login and getattr(route.view, "cls", None) is not RootView
