"""`/openapi.json`, `/docs` and `/redoc`."""

from functools import cache
from threading import Lock
from typing import ClassVar

from django.http import HttpResponse
from django.template.loader import render_to_string
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2
from rest_framework.request import Request

from authproject.views import SingleMediaTypeView

# 'unsafe-inline': both pages add style elements. blob: ReDoc searches in a web worker.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Without it, ReDoc would load a logo from another host."""

# At the first document drf-spectacular loads its extensions, and a second thread would fail.
_document_lock = Lock()


@cache
def render_document() -> bytes:
    """Return the OpenAPI document, as `manage.py spectacular` writes it."""
    # Warnings about a project's own views would be printed here; `manage.py spectacular` has them.
    with GENERATOR_STATS.silence():
        schema = SchemaGenerator().get_schema(request=None, public=True)
    rendered: bytes = OpenApiJsonRenderer2().render(schema, renderer_context={})
    return rendered


class OpenAPIView(SingleMediaTypeView):
    """Returns the OpenAPI document."""

    def get(self, request: Request) -> HttpResponse:
        with _document_lock:
            document = render_document()
        return HttpResponse(document, content_type="application/json")


class PageView(SingleMediaTypeView):
    """Returns an HTML page that shows the document."""

    template: ClassVar[str] = ""

    def get(self, request: Request) -> HttpResponse:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return HttpResponse(render_to_string(self.template), headers=headers)
