"""Views for machines: liveness, readiness and metrics."""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.domain.errors import ServerOverloaded
from accounts.domain.interfaces import StoreAccess
from accounts.rest.responses import Response
from accounts.services import get_services
from authproject import __version__
from authproject.server.environ import SHUTTING_DOWN
from authproject.views import PublicJSONView, SingleMediaTypeView

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ShuttingDown(ServerOverloaded):
    detail = "The service is shutting down."


class LivenessView(PublicJSONView):
    """Reports that the process is alive, without a call to the store."""

    store_access = StoreAccess.NONE

    def get(self, request: Request) -> Response:
        backend_name = get_services().accounts.store.backend_name
        return Response({"status": "ok", "version": __version__, "store": backend_name})


class ReadinessView(PublicJSONView):
    """Reports whether the store answers and takes changes; 503 if not, and during a shutdown."""

    store_access = StoreAccess.WRITE

    def get(self, request: Request) -> Response:
        if SHUTTING_DOWN in request.META:
            raise ShuttingDown
        store = get_services().accounts.store
        store.ping()
        store.check_writable()
        return Response({"status": "ok"})


class MetricsView(SingleMediaTypeView):
    """Returns all metrics in Prometheus's text format."""

    def get(self, request: Request) -> HttpResponse:
        from authproject.monitoring import metrics  # noqa: PLC0415  # only if METRICS is enabled

        return HttpResponse(metrics.render_metrics(), content_type=METRICS_TYPE)
