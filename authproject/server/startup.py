"""Starting, or refusing to: every fault in one message, no traceback, before a socket is opened."""

import logging
import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.domain.errors import StartupError
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds import read_seeds
from accounts.stores import check_store
from authproject.environment.reader import ConfigurationError

REFUSED = 78
"""The exit status of a refused configuration: EX_CONFIG of sysexits(3), so that a supervisor can
tell what only a person mends from what another try may."""


def start() -> None:
    """Set Django up to serve; a refused configuration ends the process with its message alone."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authproject.settings")
    try:
        django.setup(set_prefix=False)
    except ImproperlyConfigured as error:
        exit_with_error(error, serving=True)
    if faults := check_startup_files(
        settings.STORE_URL,
        settings.SEED_USERS_FILE,
        reject_common=settings.REJECT_COMMON_PASSWORDS,
    ):
        exit_with_error(ConfigurationError(faults), serving=True)
    if settings.STORE_URL.startswith("memory:"):
        logging.getLogger("authproject").warning(
            "users live in this process's memory: a restart forgets them, and voids their tokens"
        )


def exit_with_error(error: ImproperlyConfigured, *, serving: bool) -> NoReturn:
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
    files = check_startup_files(
        None if "STORE_URL" in faults else environment.store_url,
        None if "SEED_USERS_FILE" in faults else environment.seed_users_file,
        reject_common=environment.reject_common_passwords,
    )
    return ConfigurationError({**faults, **files})


def check_startup_files(
    store_url: str | None, seed_users_file: Path | None, *, reject_common: bool
) -> dict[str, list[str]]:
    """Return the faults of the store's file and of the seeds, by setting; `None` is not judged.

    Of a `file://` store this process keeps the lock, for itself and its children.
    """
    faults: dict[str, list[str]] = {}
    try:
        if store_url is not None:
            check_store(store_url)
    except StartupError as error:
        faults["STORE_URL"] = [str(error)]
    try:
        if seed_users_file is not None:
            read_seeds(seed_users_file, PasswordPolicy(reject_common=reject_common))
    except StartupError as error:
        faults["SEED_USERS_FILE"] = [str(error)]
    return faults
