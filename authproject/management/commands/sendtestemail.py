"""`manage.py sendtestemail`, Django's own, without a traceback."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import sendtestemail


class Command(sendtestemail.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            super().handle(*args, **options)
        except OSError as error:  # all that smtplib and sockets raise
            raise CommandError(
                f"No e-mail can be sent with these settings, and the service sends none: {error}"
            ) from error
