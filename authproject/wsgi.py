"""The WSGI application that `manage.py runserver` and any WSGI server load."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from authproject.server.environ import Environ
from authproject.server.handler import Handler
from authproject.server.startup import start

NO_CONTENT = 204

WSGIApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def buffer_chunked_bodies(application: WSGIApplication, limit: int) -> WSGIApplication:
    """Read a chunked body and declare its length, which Django needs to read it.

    At most `limit` + 1 bytes are read. With `limit` + 1, Django refuses the body as too large.
    PEP 3333 does not mark the end of an input; servers that do set `wsgi.input_terminated`.
    """

    def buffered(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_TRANSFER_ENCODING") and environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read(limit + 1)
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return buffered


class LengthHandler(Handler):
    """Declares the length of each body. Otherwise a server sends chunks, or closes the connection.

    Granian does it for RSGI. A 204 must not have a length (RFC 9110 §8.6).
    """

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = super().get_response(request)
        if not response.streaming and response.status_code != NO_CONTENT:
            response.headers["Content-Length"] = str(len(response.content))
        return cast(HttpResponseBase, response)


start()
application = buffer_chunked_bodies(LengthHandler(), settings.MAX_BODY_BYTES)
