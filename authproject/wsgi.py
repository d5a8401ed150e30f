"""The WSGI application that `manage.py runserver` and any WSGI server load."""

from io import BytesIO
from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.conf import MAX_BODY_BYTES
from authproject.server.environ import Environ
from authproject.server.handler import Handler
from authproject.server.startup import start

NO_CONTENT = 204


class LengthHandler(Handler):
    """Declares the lengths of bodies, because WSGI servers do not know them."""

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        """Read a chunked body and declare its length, which Django needs to read it.

        At most `MAX_BODY_BYTES` + 1 bytes are read: `RequestLimitsMiddleware` refuses that length.
        PEP 3333 does not mark the end of an input; servers that do set `wsgi.input_terminated`.
        """
        if environ.get("HTTP_TRANSFER_ENCODING") and environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        environ.setdefault("HTTP_HOST", "")  # Otherwise Django uses SERVER_NAME as the host.
        return super().__call__(environ, start_response)

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Declare the response's length. Otherwise servers send chunks or close the connection.

        Granian does it for RSGI. A 204 must not have a length (RFC 9110 §8.6).
        """
        response: Any = super().get_response(request)
        if not response.streaming and response.status_code != NO_CONTENT:
            response.headers["Content-Length"] = str(len(response.content))
        return cast(HttpResponseBase, response)


start()
application = LengthHandler()
