"""`manage.py dumpdata`, Django's own."""

from typing import Any

from django.core.management.commands import dumpdata
from django.db import connection


class Command(dumpdata.Command):
    def handle(self, *app_labels: str, **options: Any) -> None:
        # Without a database, Django's own writes "[" and reports a setting.
        connection.ensure_connection()
        super().handle(*app_labels, **options)
