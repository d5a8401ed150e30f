"""`manage.py createsuperuser`, which Django developers know, says what to do instead."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "There are no superusers here: see `manage.py accounts create --help`."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        # Django's own command takes these.
        parser.add_argument("--noinput", "--no-input", action="store_true")
        for name in ("--username", "--email", "--database"):
            parser.add_argument(name)

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "There are no superusers, because accounts have no roles: create an account with "
            "`manage.py accounts create EMAIL`."
        )
