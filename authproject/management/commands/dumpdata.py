"""`manage.py dumpdata`, which fails before it writes anything if there is no database."""

from typing import Any

from django.core.management.commands import dumpdata
from django.db import connection


class Command(dumpdata.Command):
    def handle(self, *app_labels: str, **options: Any) -> None:
        # Django's own would write "[" first, and then report a setting.
        connection.ensure_connection()
        super().handle(*app_labels, **options)
