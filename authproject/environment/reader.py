"""Reads all settings from the environment and `.env`, and collects the errors of all of them."""

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

from authproject.environment.variables import PRODUCTION, Environment, get_variables

Errors = dict[str, str]

DOTENV = Path(__file__).resolve().parents[2] / ".env"
MINUTES_PER_DAY = 24 * 60


class ConfigurationError(ImproperlyConfigured):
    """Settings with errors. The message lists each error with its variable."""

    def __init__(self, errors: Errors) -> None:
        lines = "".join(f"  {name}: {error}\n" for name, error in errors.items())
        super().__init__(
            f"The configuration has errors:\n{lines}.env.example explains every setting."
        )


def read_environment(dotenv: Path = DOTENV) -> Environment:
    """Return all settings. Raises `ConfigurationError` if any has an error."""
    values, errors = parse_environment(dotenv)
    if errors:
        raise ConfigurationError(errors)
    return Environment(values)


def parse_environment(dotenv: Path = DOTENV) -> tuple[dict[str, Any], Errors]:
    """Return the values of the settings without errors, and the errors of the others.

    A variable of the process wins over the same one in the file `dotenv`, which may be missing.
    """
    values: dict[str, Any] = {}
    errors: Errors = {}
    texts = {**_read_dotenv(dotenv, errors), **os.environ}
    production = texts.get("ENVIRONMENT") == PRODUCTION
    for variable in get_variables():
        try:
            values[variable.name] = variable.read(texts.get(variable.name), production=production)
        except ValueError as error:
            errors[variable.name] = "; ".join(filter(None, (str(error), variable.hint)))
    minutes = values.get("ACCESS_TOKEN_EXPIRE_MINUTES")
    days = values.get("REFRESH_TOKEN_EXPIRE_DAYS")
    if minutes and days and minutes >= days * MINUTES_PER_DAY:
        errors["ACCESS_TOKEN_EXPIRE_MINUTES"] = "must be less than REFRESH_TOKEN_EXPIRE_DAYS"  # noqa: S105  # an error
    return values, errors


def _read_dotenv(path: Path, errors: Errors) -> dict[str, str | None]:
    try:
        return dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError):
        errors[str(path)] = "must be a readable file of UTF-8 text"
        return {}
