"""Reads all settings from the environment and `.env`, and collects the errors of all of them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from authproject.environment.dotenv_file import find_similar_variable, read_dotenv
from authproject.environment.variables import PRODUCTION, Environment, get_variables
from authproject.init_env import ROOT

Errors = dict[str, str]

DOTENV = ROOT / ".env"
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
    file = read_dotenv(dotenv)
    errors: Errors = {**file.errors}
    texts = {**file.texts, **os.environ}
    production = texts.get("ENVIRONMENT") == PRODUCTION
    for variable in get_variables():
        text = texts.get(variable.name)
        if text is None and variable.name in file.variables_with_errors:
            continue  # Its line in `.env` has an error. That it is missing would be a second one.
        try:
            values[variable.name] = variable.read(text, production=production)
        except ValueError as error:
            errors[variable.name] = str(error)
    errors |= find_conflicts(values, texts)
    return values, errors


def find_conflicts(values: Mapping[str, Any], texts: Mapping[str, str]) -> Errors:
    """Return the errors of values that do not fit those of other settings.

    `values` lacks the settings that have errors; `texts` has those that are set.
    """
    errors: Errors = {}
    minutes = values.get("ACCESS_TOKEN_EXPIRE_MINUTES")
    days = values.get("REFRESH_TOKEN_EXPIRE_DAYS")
    if minutes and days and minutes >= days * MINUTES_PER_DAY:
        errors["ACCESS_TOKEN_EXPIRE_MINUTES"] = "must be less than REFRESH_TOKEN_EXPIRE_DAYS"  # noqa: S105  # an error
    name = "REFRESH_TOKEN_SHORT_DAYS"
    if name in texts and days and values.get(name, 0) > days:  # Its default may be longer.
        errors[name] = "must not be more than REFRESH_TOKEN_EXPIRE_DAYS"
    name = "REFRESH_TOKEN_SLIDING_DAYS"
    if values.get(name) and days and values[name] < days:
        errors[name] = "must not be less than REFRESH_TOKEN_EXPIRE_DAYS"
    if values.get(name) and values.get("ROTATE_REFRESH_TOKENS") is False:
        errors[name] = "needs ROTATE_REFRESH_TOKENS=true"
    if values.get("REFRESH_TOKEN_COOKIE") and "*" in values.get("CORS_ORIGINS", ()):
        errors["CORS_ORIGINS"] = "must list origins instead of * if REFRESH_TOKEN_COOKIE is on"
    return errors


def find_unknown_names(dotenv: Path = DOTENV) -> list[str]:
    """Return warnings: names in `.env` that are ignored, and typos in the process's environment.

    There, all other names belong to other programs.
    """
    similar = {name: find_similar_variable(name) for name in os.environ}
    typos = [
        f"{name} in the environment is no setting; did you mean {variable}?"
        for name, variable in similar.items()
        if variable not in {name, None}
    ]
    lines = read_dotenv(dotenv).unknown_lines
    return [*typos, *(f"{dotenv}, line {line}: no setting has this name" for line in lines)]
