from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.conf import global_settings, settings
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.dispatch import Signal

from authproject.monitoring.security_log import connect_security_log

Listening = tuple[Signal, Callable[..., Any]]

NO_DATABASE = "django.db.backends.dummy"


class AuthprojectConfig(AppConfig):
    """Connects operations to what `accounts` tells of."""

    name = "authproject"

    def ready(self) -> None:
        connect_security_log()
        for signal, listener in unneeded_signal_receivers():
            signal.disconnect(listener)


def unneeded_signal_receivers() -> list[Listening]:
    """Return those of Django's own that would search at each request for what is not there."""
    found: list[Listening] = [
        (request_finished, reset_urlconf)
    ]  # authproject.server.handler sets none
    if settings.DATABASES["default"]["ENGINE"] == NO_DATABASE:
        found += [
            (request_started, reset_queries),
            (request_started, close_old_connections),
            (request_finished, close_old_connections),
        ]
    if settings.CACHES == global_settings.CACHES:
        found.append((request_finished, close_caches))
    return found
