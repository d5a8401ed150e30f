#!/usr/bin/env python
"""Django's command line. What a command cannot do is one sentence, without a traceback."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from authproject.server.startup import exit_with_error

NO_DATABASE = "There is no database: STORE_URL says where the accounts are."


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authproject.settings")
    try:
        # Loads the settings. Otherwise some commands start without them or print a traceback.
        settings.INSTALLED_APPS  # noqa: B018  # reading it loads them
    except ImproperlyConfigured as error:
        exit_with_error(error, check_files=sys.argv[1:2] in (["serve"], ["runserver"]))
    try:
        execute_from_command_line()
    except ImproperlyConfigured as error:
        # Django's dummy engine refuses each command that needs a database.
        sys.exit(NO_DATABASE if "ENGINE" in str(error) else str(error))


if __name__ == "__main__":
    main()
