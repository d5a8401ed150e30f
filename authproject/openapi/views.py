"""`/openapi.json`, `/docs` and `/redoc`: each is made once, when it is first asked for."""

from functools import cache
from threading import Lock
from typing import ClassVar

from django.http import HttpResponse
from django.template.loader import render_to_string
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2
from rest_framework.request import Request

from authproject.openapi import extensions  # noqa: F401  # drf-spectacular registers them
from authproject.views import SingleMediaTypeView

# 'unsafe-inline': both write their own style elements. blob: ReDoc searches in a worker.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""No page asks another host for anything: ReDoc would fetch its maker's logo."""


# drf-spectacular swaps the class of each view for a moment: two at once would mix them up.
_one_at_a_time = Lock()


def document() -> bytes:
    """Return the OpenAPI document, as `manage.py spectacular` writes it."""
    with _one_at_a_time:
        return make_document()


@cache
def make_document() -> bytes:
    # What it cannot tell of a project's own views it would print between the lines of the log;
    # `manage.py spectacular` says it, too.
    with GENERATOR_STATS.silence():
        schema = SchemaGenerator().get_schema(request=None, public=True)
    rendered: bytes = OpenApiJsonRenderer2().render(schema, renderer_context={})
    return rendered


@cache
def page(template: str) -> str:
    return render_to_string(template)


class OpenAPIView(SingleMediaTypeView):
    """The OpenAPI document."""

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(document(), content_type="application/json")


class PageView(SingleMediaTypeView):
    """A page that shows the document."""

    template: ClassVar[str]

    def get(self, request: Request) -> HttpResponse:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return HttpResponse(page(self.template), headers=headers)


class SwaggerView(PageView):
    template = "authproject/swagger.html"


class ReDocView(PageView):
    template = "authproject/redoc.html"
