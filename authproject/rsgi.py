"""The RSGI application that `manage.py serve` and Granian load."""

from authproject.server.startup import start

start()

from authproject.server.application import THREADS, Application  # noqa: E402  # needs Django to be set up
from authproject.server.handler import Handler  # noqa: E402  # the same

application = Application(Handler(), threads=THREADS)
