"""What a variable's value may be: each judge raises `ValidationError`, which says what is wrong."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from environs import ValidationError, validate

from accounts.stores import check_url
from accounts.stores.errors import BadStoreUrl
from authproject.proxies import trusted_network
from authproject.variables import EXAMPLE_SECRET

MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: no shorter than the hash of HS256.
TRUE = {"true", "1", "yes", "on"}
FALSE = {"false", "0", "no", "off"}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

Judge = Callable[[Any], Any]


def one_of(*choices: str) -> Judge:
    return validate.OneOf(choices, error=f"must be one of: {', '.join(choices)}")


def boolean(text: str) -> None:
    if text.lower() not in TRUE | FALSE:
        raise ValidationError("must be true or false")


def secret(production: bool) -> Judge:
    def judge(value: str) -> None:
        # Bytes of the environment that are not UTF-8 are halves of surrogate pairs here.
        if len(value.encode(errors="ignore")) < MIN_SECRET_BYTES or not value.isprintable():
            raise ValidationError(f"is no text of {MIN_SECRET_BYTES} bytes or more.")
        if production and value == EXAMPLE_SECRET:
            raise ValidationError("is the value of .env.example, which everybody knows.")

    return judge


def host(production: bool) -> Judge:
    def judge(value: str) -> None:
        if production and value == "*":
            raise ValidationError("must not be * in production; list the host names that you serve")

    return judge


def origin(production: bool) -> Judge:
    def judge(value: str) -> None:
        if value == "*":
            if production:
                raise ValidationError(
                    "must not be * in production; list the origins of your front ends"
                )
            return
        if not _is_origin(value):
            raise ValidationError(f"{value!r} is no origin; write it as https://app.example.com")

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
    except BadStoreUrl as error:
        raise ValidationError(str(error)) from error


def _is_origin(value: str) -> bool:
    try:
        url = urlsplit(value)
    except ValueError:
        return False
    return bool(url.scheme and url.netloc) and value == f"{url.scheme}://{url.netloc}"
