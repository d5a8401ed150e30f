"""Django's request handler, less what no request here needs; every server interface uses it."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase

Environ = dict[str, Any]


class Request(WSGIRequest):
    def _set_content_type_params(self, meta: Environ) -> None:
        """Leave a media type only the parameter that something here needs: a form's boundary.

        JSON and forms are UTF-8. Django looks a charset up among Python's codecs, `hex` and
        `idna` too, and decodes RFC 2231 parameters, while it builds the request: what raises
        there meets no handler, and the server would answer a bare 500.
        """
        if declared := meta.get("CONTENT_TYPE"):
            media_type, *parameters = declared.split(";")
            kept = [one for one in parameters if one.strip().lower().startswith("boundary=")]
            meta["CONTENT_TYPE"] = ";".join([media_type, *kept])
        super()._set_content_type_params(meta)  # type: ignore[misc]  # private to django-stubs


class Handler(WSGIHandler):
    """A WSGI application (PEP 3333), and `respond` for servers that speak something else."""

    request_class = Request

    def respond(self, environ: Environ) -> HttpResponseBase:
        """Answer one request; the caller closes the response."""
        return self.get_response(self.request_class(environ))
