"""The RSGI application, for `manage.py serve` and Granian."""

from django.conf import settings

from authproject.server.startup import start

start()

from authproject.server.application import THREADS, Application  # noqa: E402  # needs start()
from authproject.server.handler import Handler  # noqa: E402  # needs start()

application = Application(Handler(), threads=THREADS, max_body_bytes=settings.MAX_BODY_BYTES)
