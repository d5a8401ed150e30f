"""Reads all settings from the environment and `.env`, and collects the errors of all of them."""

import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

from authproject.environment import variables as var
from authproject.environment.variables import Variable

T = TypeVar("T")
Errors = dict[str, str]

DOTENV = Path(__file__).resolve().parents[2] / ".env"
MINUTES_PER_DAY = 24 * 60


class ConfigurationError(ImproperlyConfigured):
    """Settings with errors. The message lists each error with its variable."""

    def __init__(self, errors: Errors) -> None:
        lines = [f"  {name}: {error}" for name, error in errors.items()]
        super().__init__(
            "\n".join(
                ["The configuration has errors:", *lines, ".env.example explains every setting."]
            )
        )


class Environment:
    """The parsed settings, typed by their variable: `env[STORE_URL]` is a `str`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, variable: Variable[T]) -> T:
        value: T = self._values[variable.name]
        return value

    def get(self, variable: Variable[T]) -> T | None:
        """Return the value, or `None` if it had an error."""
        value: T | None = self._values.get(variable.name)
        return value


def read_environment(dotenv: Path = DOTENV) -> Environment:
    """Return all settings. Raises `ConfigurationError` if any has an error."""
    environment, errors = parse_environment(dotenv)
    if errors:
        raise ConfigurationError(errors)
    return environment


def parse_environment(dotenv: Path = DOTENV) -> tuple[Environment, Errors]:
    """Return the settings without errors, and the errors of the others.

    A variable of the process wins over the same one in the file `dotenv`, which may be missing.
    """
    values: dict[str, Any] = {}
    errors: Errors = {}
    texts = {**_read_dotenv(dotenv, errors), **os.environ}
    production = texts.get(var.ENVIRONMENT.name) == var.PRODUCTION
    for variable in var.get_variables():
        try:
            values[variable.name] = variable.read(texts.get(variable.name), production=production)
        except ValueError as error:
            errors[variable.name] = "; ".join(filter(None, (str(error), variable.hint)))
    environment = Environment(values)
    _compare_lifetimes(environment, errors)
    return environment, errors


def _read_dotenv(path: Path, errors: Errors) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        errors[str(path)] = "must be a readable file of UTF-8 text"
        return {}
    pairs = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in pairs.items() if value is not None}


def _compare_lifetimes(environment: Environment, errors: Errors) -> None:
    minutes = environment.get(var.ACCESS_TOKEN_EXPIRE_MINUTES)
    days = environment.get(var.REFRESH_TOKEN_EXPIRE_DAYS)
    if minutes and days and minutes >= days * MINUTES_PER_DAY:
        errors[var.ACCESS_TOKEN_EXPIRE_MINUTES.name] = "must be less than REFRESH_TOKEN_EXPIRE_DAYS"
