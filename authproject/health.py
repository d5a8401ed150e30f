"""What machines ask: is the process alive, can it reach its store, and what has it counted?"""

from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accounts.core.ports import Waits
from accounts.renderers import JSONRenderer
from accounts.responses import Response
from accounts.runtime import get_runtime
from accounts.views import BaseView
from authproject import __version__

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PROBE_PATHS = frozenset({"/health", "/health/ready"})
"""Answered whatever the Host: a probe addresses a machine, not a name."""


class _OpenView(BaseView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)


class HealthView(_OpenView):
    """Alive: answers without asking the store anything."""

    waits = Waits.NOTHING

    def get(self, request: Request) -> Response:
        kind = get_runtime().service.store.kind
        return Response({"status": "ok", "version": __version__, "store": kind})


class ReadyView(_OpenView):
    """Ready: the store answers. 503 otherwise."""

    waits = Waits.STORE

    def get(self, request: Request) -> Response:
        get_runtime().service.store.check()
        return Response({"status": "ok"})


class MetricsView(_OpenView):
    """Everything that was counted, in Prometheus's text format."""

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        # Scrapers accept formats that are no renderer's; only errors are rendered.
        return JSONRenderer(), JSONRenderer.media_type

    def get(self, request: Request) -> HttpResponse:
        # Reads its folder when there are several workers, and imports a library few need.
        from authproject import metrics  # noqa: PLC0415

        return HttpResponse(metrics.exposition(), content_type=METRICS_TYPE)
