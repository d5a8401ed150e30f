"""Django's request handler, less what no request here needs; every server interface uses it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_started
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, get_resolver

from authproject.server.environ import Environ

PATH_CACHE_SIZE = 256
"""More than the service has; only a path that leads to a view is remembered."""


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
    """A WSGI application (PEP 3333), and `respond` for servers that speak something else.

    There is one URL configuration, so no request has to say which is its own, and a path that
    was resolved once is not searched for again. Error responses are on the access line already.
    """

    request_class = Request
    _middleware_chain: Callable[[HttpRequest], HttpResponseBase]

    def __init__(self) -> None:
        super().__init__()
        self._resolve = lru_cache(PATH_CACHE_SIZE)(get_resolver().resolve)

    def handle_environ(self, environ: Environ) -> HttpResponseBase:
        """Answer one request; the caller closes the response."""
        request_started.send(sender=type(self), environ=environ)
        return self.get_response(self.request_class(environ))

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = self._middleware_chain(request)
        response._resource_closers.append(request.close)  # noqa: SLF001  # as Django does
        return cast(HttpResponseBase, response)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        request.resolver_match = self._resolve(request.path_info)
        return request.resolver_match
