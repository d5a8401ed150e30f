"""Parsers for request bodies. All are UTF-8, whatever charset was declared (RFC 8259 §8.1)."""

from codecs import BOM_UTF8
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote_to_bytes

import orjson
from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """Parses JSON strictly: no NaN, invalid UTF-8, lone surrogate or nesting beyond 1,024 levels.

    DRF's parser accepts the last three, or fails with status 500. A byte order mark is skipped.
    """

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        body = stream.read().removeprefix(BOM_UTF8)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            _require_utf8(body)
            place = f"line {error.lineno}, column {error.colno}"
            raise ParseError(f"The body is not valid JSON: {place}.") from error


class FormParser(parsers.FormParser):
    """Rejects invalid UTF-8; DRF's parser replaces such bytes by U+FFFD.

    `BaseAPIView` uses this parser and `MultiPartParser` only for pages of the browsable API.
    """

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        body = stream.read()
        _require_utf8(unquote_to_bytes(body))
        return super().parse(BytesIO(body), *args, **kwargs)


class MultiPartParser(parsers.MultiPartParser):
    """Rejects invalid UTF-8, in files too: no field of this API takes a file."""

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        body = stream.read()
        _require_utf8(body)
        try:
            return super().parse(BytesIO(body), *args, **kwargs)
        except ParseError as error:
            raise ParseError("The form is malformed.") from error


def _require_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise ParseError("The body is not UTF-8.") from error
