from django.apps import AppConfig

from authproject.logs import listen_to_security_events


class AuthprojectConfig(AppConfig):
    """Connects operations to what `accounts` tells of."""

    name = "authproject"

    def ready(self) -> None:
        listen_to_security_events()
