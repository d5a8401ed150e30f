"""What machines ask: is the process alive, can it reach its store, and what has it counted?"""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.domain.interfaces import StoreAccess
from accounts.rest.responses import Response
from accounts.services import get_services
from authproject import __version__
from authproject.views import PublicJSONView, SingleMediaTypeView

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class LivenessView(PublicJSONView):
    """Alive: answers without asking the store anything."""

    store_access = StoreAccess.NONE

    def get(self, request: Request) -> Response:
        kind = get_services().accounts.store.backend_name
        return Response({"status": "ok", "version": __version__, "store": kind})


class ReadinessView(PublicJSONView):
    """Ready: the store answers. 503 otherwise."""

    store_access = StoreAccess.WRITE

    def get(self, request: Request) -> Response:
        get_services().accounts.store.ping()
        return Response({"status": "ok"})


class MetricsView(SingleMediaTypeView):
    """Everything that was counted, in Prometheus's text format."""

    def get(self, request: Request) -> HttpResponse:
        # Only where METRICS is on. It has a thread: with several workers it reads their files.
        from authproject.monitoring import metrics  # noqa: PLC0415  # as said above

        return HttpResponse(metrics.render_metrics(), content_type=METRICS_TYPE)
