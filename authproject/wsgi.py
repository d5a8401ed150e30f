"""The WSGI application: what `manage.py serve`, `runserver` and any other server load."""

import logging
import os
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from accounts.preflight import preflight
from authproject.env import ConfigurationError
from authproject.start import refuse

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def buffer_chunked_bodies(application: Application, limit: int) -> Application:
    """Give a chunked body the length that Django needs to read it.

    At most `limit` bytes and one are read: with the one, Django refuses the body as declared
    too large. PEP 3333 knows no end of input; servers that do set `wsgi.input_terminated`.
    """

    def buffered(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_TRANSFER_ENCODING") and environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read(limit + 1)
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return buffered


def ignore_charsets(application: Application) -> Application:
    """Leave a media type only the parameter that something here needs: a form's boundary.

    JSON and forms are UTF-8. Django looks a charset up among Python's codecs, `hex` and `idna`
    too, and decodes RFC 2231 parameters, while it builds the request: what raises there meets
    no handler, and the server would answer a bare 500.
    """

    def narrowed(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        media_type, *parameters = environ.get("CONTENT_TYPE", "").split(";")
        kept = [one for one in parameters if one.strip().lower().startswith("boundary=")]
        environ["CONTENT_TYPE"] = ";".join([media_type, *kept])
        return application(environ, start_response)

    return narrowed


def load() -> Application:
    """Start Django; a refused configuration ends the process with its message alone."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authproject.settings")
    try:
        application = get_wsgi_application()
    except ImproperlyConfigured as error:
        refuse(error, serving=True)
    if faults := preflight(
        settings.STORE_URL,
        settings.SEED_USERS_FILE,
        reject_common=settings.REJECT_COMMON_PASSWORDS,
    ):
        refuse(ConfigurationError(faults), serving=True)
    if settings.STORE_URL.startswith("memory:"):
        logging.getLogger("authproject").warning(
            "users live in this process's memory: a restart forgets them, and voids their tokens"
        )
    return ignore_charsets(buffer_chunked_bodies(application, settings.MAX_BODY_BYTES))


application = load()
