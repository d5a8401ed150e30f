from django.apps import AppConfig
from django.conf import global_settings, settings
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries

from authproject.logs import listen_to_security_events

NO_DATABASE = "django.db.backends.dummy"


class AuthprojectConfig(AppConfig):
    """Connects operations to what `accounts` tells of."""

    name = "authproject"

    def ready(self) -> None:
        listen_to_security_events()
        _spare_requests_what_is_not_there()


def _spare_requests_what_is_not_there() -> None:
    """Take Django's own listeners off each request where they would search and find nothing."""
    request_finished.disconnect(reset_urlconf)  # authproject.handler sets none
    if settings.DATABASES["default"]["ENGINE"] == NO_DATABASE:
        request_started.disconnect(reset_queries)
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
    if settings.CACHES == global_settings.CACHES:
        request_finished.disconnect(close_caches)
