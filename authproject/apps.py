from django.apps import AppConfig
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries

from authproject.logs import listen_to_security_events

NO_DATABASE = "django.db.backends.dummy"


class AuthprojectConfig(AppConfig):
    """Connects operations to what `accounts` tells of."""

    name = "authproject"

    def ready(self) -> None:
        listen_to_security_events()
        if settings.DATABASES["default"]["ENGINE"] == NO_DATABASE:
            _forget_connections()


def _forget_connections() -> None:
    """Spare each request Django's search for database connections to close: there are none."""
    request_started.disconnect(reset_queries)
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
