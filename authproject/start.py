"""Refusing to start: every fault in one message, no traceback, before a socket is opened."""

import os
import sys
import threading
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured

from accounts.preflight import preflight
from authproject.env import ConfigurationError


def refuse(error: ImproperlyConfigured, *, serving: bool) -> NoReturn:
    """End the process with the message. `serving` has the files that settings name judged too."""
    sys.stderr.write(f"{_complete(error) if serving else error}\n")
    if threading.current_thread() is not threading.main_thread():
        # runserver's reloader starts us in a thread, where SystemExit would end nothing.
        sys.stderr.flush()
        os._exit(1)
    sys.exit(1)


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
