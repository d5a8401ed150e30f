"""Parsers and validators of settings. Each raises `ValueError` with a message for the operator."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: an HS256 key has at least the size of the hash.
BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}

# An origin as browsers serialize it (RFC 6454 §6.2); it is compared as text. Apps with a built-in
# browser have their own schemes, such as `capacitor://localhost`.
ORIGIN_RE = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://([A-Za-z0-9._~%-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]+))?"
)
DEFAULT_PORTS = {"http": 80, "https": 443}
# Browsers send `null` as the origin of pages with these schemes.
SCHEMES_WITHOUT_ORIGIN = {"about", "blob", "data", "file", "javascript"}

Validator = Callable[[str], object]
"""Its result is ignored."""


def parse_boolean(text: str) -> bool:
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def parse_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("must be a whole number") from None


def parse_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a number")
    return number


def parse_list(text: str) -> list[str]:
    """Split at commas; empty items are dropped."""
    return [item for part in text.split(",") if (item := part.strip())]


def parse_path(text: str) -> Path | None:
    """Return the absolute path, or `None` for an empty text."""
    return Path(text).absolute() if text else None


def each(validate: Validator) -> Callable[[list[str]], None]:
    """Return a validator of lists that reports the error of every item."""

    def validate_each(items: list[str]) -> None:
        errors = []
        for item in items:
            try:
                validate(item)
            except ValueError as error:
                errors.append(str(error))
        if errors:
            raise ValueError("; ".join(errors))

    return validate_each


def one_of(*choices: str) -> Validator:
    def validate(text: str) -> None:
        if text not in choices:
            raise ValueError(f"must be one of: {', '.join(choices)}")

    return validate


def not_equal(value: str, error: str) -> Validator:
    def validate(text: str) -> None:
        if text == value:
            raise ValueError(error)

    return validate


def in_range(minimum: float, maximum: float = math.inf) -> Callable[[float], None]:
    def validate(number: float) -> None:
        if not minimum <= number <= maximum:
            limit = "" if maximum == math.inf else f" and at most {maximum:g}"
            raise ValueError(f"must be at least {minimum:g}{limit}")

    return validate


def validate_positive(number: float) -> None:
    if number <= 0:
        raise ValueError("must be above 0")


def validate_secret(secret: str) -> None:
    # Bytes of the environment that are not UTF-8 are lone surrogates here; they do not count.
    if len(secret.encode(errors="ignore")) < MIN_SECRET_BYTES or not secret.isprintable():
        raise ValueError(f"must be printable text of at least {MIN_SECRET_BYTES} bytes")


def validate_origin(text: str) -> None:
    """Accept `*` and what a browser can send in the `Origin` header."""
    if text != "*" and not _is_origin(text):
        # The part before an @ may be a password.
        shown = "a value with an @" if "@" in text else repr(text)
        raise ValueError(f"{shown} is not an origin")


def _is_origin(text: str) -> bool:
    match = ORIGIN_RE.fullmatch(text)
    if not match or match["scheme"] in SCHEMES_WITHOUT_ORIGIN:
        return False
    try:
        port = urlsplit(text).port
    except ValueError:
        return False
    if match["port"] not in {None, str(port)}:
        return False
    # Browsers write http and https origins in lower case and without the default port.
    default_port = DEFAULT_PORTS.get(match["scheme"])
    return default_port is None or (text.islower() and port != default_port)
