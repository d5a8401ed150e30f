"""`manage.py test`, which Django developers know, runs pytest."""

import os
import subprocess
import sys
from typing import NoReturn

from django.conf import ENVIRONMENT_VARIABLE
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run tests with pytest. All arguments are pytest's."

    def run_from_argv(self, argv: list[str]) -> NoReturn:
        if not argv[2:]:
            sys.exit("Name the tests, as in `manage.py test tests/accounts`; `make test` runs all.")
        # The tests have settings of their own, so they need a process of their own.
        environment = {**os.environ}
        environment.pop(ENVIRONMENT_VARIABLE, None)
        command = [sys.executable, "-m", "pytest", *argv[2:]]
        sys.exit(subprocess.call(command, env=environment))  # noqa: S603  # the caller's own
