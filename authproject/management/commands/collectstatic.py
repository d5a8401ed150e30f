"""`manage.py collectstatic`, which hosting platforms call when they build a project."""

from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands import collectstatic


class Command(collectstatic.Command):
    def handle(self, **options: Any) -> str | None:
        if settings.STATIC_ROOT:
            return super().handle(**options)
        return "Nothing to collect: the service serves its static files from where they are."
