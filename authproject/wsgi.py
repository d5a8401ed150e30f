"""The WSGI application that `manage.py runserver` and any WSGI server load."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.conf import settings

from authproject.server.environ import Environ
from authproject.server.handler import Handler
from authproject.server.startup import start

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


start()
application = buffer_chunked_bodies(Handler(), settings.MAX_BODY_BYTES)
