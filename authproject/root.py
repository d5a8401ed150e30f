"""The front door: every endpoint, linked."""

from typing import ClassVar

from django.conf import settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.reverse import reverse

from accounts.responses import Response
from accounts.views import BaseView

ENDPOINTS = (
    "auth-register",
    "auth-login",
    "auth-refresh",
    "auth-logout",
    "auth-logout-all",
    "auth-password",
    "protected-profile",
    "health",
    "health-ready",
    *(["metrics"] if settings.METRICS else []),
    *(["openapi", "docs", "redoc"] if settings.API_DOCS else []),
)


class RootView(BaseView):
    """Every endpoint of the service."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    name: ClassVar[str] = "Endpoints"
    """What the browsable API calls it."""

    def get(self, request: Request) -> Response:
        return Response({name: reverse(name, request=request) for name in ENDPOINTS})
