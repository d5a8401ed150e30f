"""The WSGI application, for `manage.py runserver` and any WSGI server."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.conf import settings

from authproject.server.environ import Environ
from authproject.server.handler import Handler
from authproject.server.startup import start

Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def buffer_chunked_bodies(application: Application, limit: int) -> Application:
    """Set the `CONTENT_LENGTH` of chunked bodies, which Django needs to read them.

    Reads at most `limit` + 1 bytes; the last one makes the body too large. PEP 3333 does not
    define the end of the input. Servers that do so set `wsgi.input_terminated`.
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
