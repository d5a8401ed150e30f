"""What a variable's value may be: each judge raises `ValidationError`, which says what is wrong."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from environs import ValidationError, validate

from accounts.stores import check_url
from accounts.stores.url import InvalidStoreURL
from authproject.environment.variables import EXAMPLE_SECRET
from authproject.server.trusted_proxies import trusted_network

MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: no shorter than the hash of HS256.
TRUE = {"true", "1", "yes", "on"}
FALSE = {"false", "0", "no", "off"}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# An origin as a browser writes it (RFC 6454 §6.2), which is compared by its characters.
# Mobile and desktop front ends have schemes of their own: `capacitor://localhost`.
ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://([A-Za-z0-9._~%-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]+))?"
)
WEB = {"http": 80, "https": 443}
# Their pages have none: the browser sends `null`.
SCHEMES_WITHOUT_ORIGIN = {"about", "blob", "data", "file", "javascript"}

Validator = Callable[[Any], Any]


def one_of(*choices: str) -> Validator:
    return validate.OneOf(choices, error=f"must be one of: {', '.join(choices)}")


def boolean(text: str) -> None:
    if text.lower() not in TRUE | FALSE:
        raise ValidationError("must be true or false")


def secret(production: bool) -> Validator:
    def judge(value: str) -> None:
        # Bytes of the environment that are not UTF-8 are halves of surrogate pairs here.
        if len(value.encode(errors="ignore")) < MIN_SECRET_BYTES or not value.isprintable():
            raise ValidationError(f"is no text of {MIN_SECRET_BYTES} bytes or more.")
        if production and value == EXAMPLE_SECRET:
            raise ValidationError("is the value of .env.example, which everybody knows.")

    return judge


def host(production: bool) -> Validator:
    def judge(value: str) -> None:
        if production and value == "*":
            raise ValidationError("must not be * in production; list the host names that you serve")

    return judge


def origin(production: bool) -> Validator:
    def judge(value: str) -> None:
        if value == "*":
            if production:
                raise ValidationError(
                    "must not be * in production; list the origins of your front ends"
                )
            return
        if not _is_origin(value):
            # What stands before an @ may be a password.
            shown = "what has an @" if "@" in value else repr(value)
            raise ValidationError(f"{shown} is no origin; write it as https://app.example.com")

    return judge


def proxy(value: str) -> None:
    try:
        trusted_network(value)
    except ValueError as error:
        raise ValidationError(
            f"{error}; list the proxies in front, as 127.0.0.1 or 10.1.0.0/24"
        ) from error


def store_url(value: str) -> None:
    try:
        check_url(value)
    except InvalidStoreURL as error:
        raise ValidationError(str(error)) from error


def _is_origin(value: str) -> bool:
    found = ORIGIN.fullmatch(value)
    if not found or found["scheme"] in SCHEMES_WITHOUT_ORIGIN:
        return False
    try:
        port = urlsplit(value).port
    except ValueError:
        return False
    if found["port"] not in {None, str(port)}:
        return False
    # The web's own schemes have their hosts in lower case and their usual ports left out.
    return found["scheme"] not in WEB or (value.islower() and port != WEB[found["scheme"]])
