"""`manage.py changepassword`, by the name that Django developers know."""

import argparse
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Set a new password and revoke all sessions, as `accounts set-password` does."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        call_command("accounts", "set-password", "--", email, stdout=self.stdout)
