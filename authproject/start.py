"""Starting, or refusing to: every fault in one message, no traceback, before a socket is opened."""

import logging
import os
import sys
import threading
from typing import NoReturn

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.preflight import preflight
from authproject.env import ConfigurationError

REFUSED = 78
"""The exit status of a refused configuration: EX_CONFIG of sysexits(3), so that a supervisor can
tell what only a person mends from what another try may."""


def start() -> None:
    """Set Django up to serve; a refused configuration ends the process with its message alone."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authproject.settings")
    try:
        django.setup(set_prefix=False)
    except ImproperlyConfigured as error:
        refuse(error, serving=True)
    if faults := preflight(
        settings.STORE_URL,
        settings.SEED_USERS_FILE,
        reject_common=settings.REJECT_COMMON_PASSWORDS,
    ):
        refuse(ConfigurationError(faults), serving=True)
    if settings.STORE_URL.startswith("memory:"):
        logging.getLogger("authproject").warning(
            "users live in this process's memory: a restart forgets them, and voids their tokens"
        )


def refuse(error: ImproperlyConfigured, *, serving: bool) -> NoReturn:
    """End the process with the message. `serving` has the files that settings name judged too."""
    sys.stderr.write(f"{_complete(error) if serving else error}\n")
    if threading.current_thread() is not threading.main_thread():
        # runserver's reloader starts us in a thread, where SystemExit would end nothing.
        sys.stderr.flush()
        os._exit(REFUSED)
    sys.exit(REFUSED)


def _complete(error: ImproperlyConfigured) -> ImproperlyConfigured:
    if not isinstance(error, ConfigurationError) or error.environment is None:
        return error
    environment, faults = error.environment, error.faults
    files = preflight(
        None if "STORE_URL" in faults else environment.store_url,
        None if "SEED_USERS_FILE" in faults else environment.seed_users_file,
        reject_common=environment.reject_common_passwords,
    )
    return ConfigurationError({**faults, **files})
