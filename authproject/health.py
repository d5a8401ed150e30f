"""Probes for orchestrators: is the process alive, and can it reach its store?"""

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.core.ports import Waits
from accounts.renderers import JSONRenderer
from accounts.runtime import get_runtime
from accounts.views import BaseView
from authproject import __version__

PROBE_PATHS = frozenset({"/health", "/health/ready"})
"""Answered whatever the Host: a probe addresses a machine, not a name."""


class _ProbeView(BaseView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)


class HealthView(_ProbeView):
    """Alive: answers without asking the store anything."""

    waits = Waits.NOTHING

    def get(self, request: Request) -> Response:
        kind = get_runtime().service.store.kind
        return Response({"status": "ok", "version": __version__, "store": kind})


class ReadyView(_ProbeView):
    """Ready: the store answers. 503 otherwise."""

    waits = Waits.STORE_READ

    def get(self, request: Request) -> Response:
        get_runtime().service.store.check()
        return Response({"status": "ok"})
