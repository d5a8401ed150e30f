from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.conf import global_settings, settings
from django.core.cache import close_caches
from django.core.checks.commands import migrate_and_makemigrations_autodetector
from django.core.checks.registry import registry
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.dispatch import Signal

from authproject.unused_packages import import_rest_framework

Receiver = tuple[Signal, Callable[..., Any]]

NO_DATABASE = "django.db.backends.dummy"


class AuthprojectConfig(AppConfig):
    """Connects the security log, and disconnects signal receivers that are not needed."""

    name = "authproject"

    def ready(self) -> None:
        # The imports register the checks, and connect the receiver of the log.
        import authproject.checks  # noqa: PLC0415  # registers them
        import authproject.monitoring.security_log  # noqa: F401, PLC0415  # connects its receiver

        if not (settings.API_DOCS or settings.BROWSABLE_API):
            import_rest_framework()
        # A check of migrations, which loads their code.
        registry.registered_checks.discard(migrate_and_makemigrations_autodetector)
        for signal, receiver in get_unneeded_receivers():
            signal.disconnect(receiver)


def get_unneeded_receivers() -> list[Receiver]:
    """Return Django's signal receivers that have nothing to do here. They cost 23 µs a request."""
    # authproject.server.handler sets no URL configuration that must be reset.
    receivers: list[Receiver] = [(request_finished, reset_urlconf)]
    if settings.DATABASES["default"]["ENGINE"] == NO_DATABASE:
        receivers += [
            (request_started, reset_queries),
            (request_started, close_old_connections),
            (request_finished, close_old_connections),
        ]
    if settings.CACHES == global_settings.CACHES:
        receivers.append((request_finished, close_caches))
    return receivers
