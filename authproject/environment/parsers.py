"""Parsers of settings. Each raises `ValueError` with a message for the operator."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from django.http.request import split_domain_port

from accounts.tokens.keys import MIN_SECRET_BYTES, validate_secret

T = TypeVar("T")

TRUE, FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}

# Origins as browsers send them (RFC 6454 §6.2), which are compared as text: http and https in lower
# case and without the default port. Apps with a built-in browser have their own schemes.
ORIGIN_RE = re.compile(
    r"(http(?!.*:80$)|https(?!.*:443$))://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?"
    r"|(?!http|file)[a-z][a-z0-9+.-]*://[A-Za-z0-9._~%-]+"
)

QUOTED_RE = re.compile(r"\s*(['\"]).*\1\s*", re.DOTALL)
HEADER_NAME_RE = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+")


def build_parser(
    parse: Callable[[str], T], is_valid: Callable[[T], bool], error: str
) -> Callable[[str], T]:
    """Return a parser that raises `ValueError(error)` for every value that is not valid."""

    def parse_valid(text: str) -> T:
        with suppress(ValueError):
            value = parse(text)
            if is_valid(value):
                return value
        raise ValueError(error)

    return parse_valid


def build_choice_parser(*choices: str) -> Callable[[str], str]:
    return build_parser(str, choices.__contains__, f"must be one of: {', '.join(choices)}")


def build_list_parser(validate: Callable[[str], object]) -> Callable[[str], list[str]]:
    """Return a parser of comma-separated lists that reports the error of every item."""

    def parse_list(text: str) -> list[str]:
        items = [item for part in text.split(",") if (item := part.strip())]
        errors = []
        for item in items:
            try:
                validate_unquoted(item)
                validate(item)
            except ValueError as error:
                errors.append(str(error))
        if errors:
            raise ValueError("; ".join(errors))
        return items

    return parse_list


def parse_boolean(text: str) -> bool:
    if text.lower() not in TRUE | FALSE:
        raise ValueError("must be true or false")
    return text.lower() in TRUE


def parse_path(text: str) -> Path | None:
    """Return the absolute path, or `None` for an empty text."""
    return Path(text).absolute() if text else None


def parse_secret(text: str) -> str:
    # Bytes of the environment that are not UTF-8 are lone surrogates here; they do not count.
    if len(text.encode(errors="ignore")) < MIN_SECRET_BYTES or not text.isprintable():
        raise ValueError(f"must be printable text of at least {MIN_SECRET_BYTES} bytes on one line")
    # As an item of JWT_SECRET_KEY_FALLBACKS, such a secret would be another one.
    if text != text.strip() or "," in text:
        raise ValueError("must have no comma, and no space at its ends")
    validate_secret(text)
    return text


def validate_unquoted(text: str) -> None:
    """Refuse a value in quotes, which `docker run --env-file` passes on."""
    if QUOTED_RE.fullmatch(text):
        raise ValueError("remove the quotes around the value: they are a part of it")


def validate_allowed_host(text: str) -> None:
    """Accept `*` and what Django can find in a `Host` header, which it compares without its port.

    Django's `.example.com` is the domain with its subdomains.
    """
    if text != "*" and split_domain_port(text) != (text.lower(), ""):
        raise ValueError(f"{_hide_password(text)} is not a host name")


def validate_header_name(text: str) -> None:
    """Accept a token of RFC 9110 §5.6.2. A `*` would not allow `Authorization`."""
    if not HEADER_NAME_RE.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a header")


def validate_origin(text: str) -> None:
    """Accept `*` and what a browser can send in the `Origin` header."""
    if text != "*" and not ORIGIN_RE.fullmatch(text):
        raise ValueError(f"{_hide_password(text)} is not an origin")


def _hide_password(text: str) -> str:
    # The part before an @ may be a password.
    return "a value with an @" if "@" in text else repr(text)
