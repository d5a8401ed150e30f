"""Sets Django up to serve. A configuration error ends the process before a socket is opened."""

import logging
import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

import django
from django.core.exceptions import ImproperlyConfigured

from accounts.conf import conf
from accounts.domain.errors import StartupError
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds.reader import read_seeds
from accounts.stores import check_store
from authproject.environment.reader import (
    ConfigurationError,
    Errors,
    find_unknown_names,
    parse_environment,
)

EX_CONFIG = 78
"""The exit status of a configuration error (sysexits(3)). `os.EX_CONFIG` is missing on Windows."""


def start() -> None:
    """Set Django up to serve, or exit with a message that lists every configuration error."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authproject.settings")
    try:
        django.setup(set_prefix=False)
    except ImproperlyConfigured as error:
        exit_with_error(error, check_files=True)
    errors = check_startup_files(
        conf.STORE_URL, conf.SEED_USERS_FILE, reject_common=conf.REJECT_COMMON_PASSWORDS
    )
    if errors:
        exit_with_error(ConfigurationError(errors), check_files=False)
    logger = logging.getLogger("authproject")
    for warning in find_unknown_names():
        logger.warning(warning)
    if conf.STORE_URL.startswith("memory:"):
        logger.warning(
            "accounts are kept in memory: a restart deletes them and invalidates their tokens"
        )


def exit_with_error(error: ImproperlyConfigured, *, check_files: bool) -> NoReturn:
    """End the process with the message of `error`, without a traceback.

    If `check_files`, the errors of the store's file and of the seed file are added.
    """
    if check_files and isinstance(error, ConfigurationError):
        values, errors = parse_environment()
        file_errors = check_startup_files(
            values.get("STORE_URL"),
            values.get("SEED_USERS_FILE"),
            reject_common=values.get("REJECT_COMMON_PASSWORDS", False),
        )
        error = ConfigurationError(errors | file_errors)
    sys.stderr.write(f"{error}\n")
    if threading.current_thread() is not threading.main_thread():
        # runserver's reloader calls this in a thread, where SystemExit would end only the thread.
        sys.stderr.flush()
        os._exit(EX_CONFIG)
    sys.exit(EX_CONFIG)


def check_startup_files(
    store_url: str | None, seed_users_file: Path | None, *, reject_common: bool
) -> Errors:
    """Return the errors of the store's file and of the seed file, by setting.

    A `file://` store is locked during its check only: the process that writes takes its own lock.
    """
    errors: Errors = {}
    try:
        if store_url is not None:
            check_store(store_url)
    except StartupError as error:
        errors["STORE_URL"] = str(error)
    try:
        if seed_users_file is not None:
            read_seeds(seed_users_file, PasswordPolicy(reject_common=reject_common))
    except StartupError as error:
        errors["SEED_USERS_FILE"] = str(error)
    return errors
