"""Request bodies: UTF-8 and nothing else, whatever charset was declared (RFC 8259 §8.1)."""

import re
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.utils import json

MAX_DEPTH = 500
"""Half of what Python 3.11 takes; no body of this API is deeper than 1."""

# A string that does not end reaches to the end: nothing is looked at twice.
STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


class JSONParser(parsers.JSONParser):
    """DRF's own drops a character that the end of the body cuts short, and meets a body nested
    too deep for the decoder with a 500; how deep that is differs between Python versions.
    """

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        body = stream.read()
        if _depth(body) > MAX_DEPTH:
            raise ParseError("JSON parse error - nested too deep")
        try:
            # No field takes a number, and Python reads no integer of 4,301 digits.
            return json.loads(body.decode(), parse_int=float)
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from error


class FormParser(parsers.FormParser):
    """DRF's own makes one and the same character of all bytes that are not UTF-8."""

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        body = stream.read()
        _require_utf8(unquote_to_bytes(body))
        return super().parse(BytesIO(body), *args, **kwargs)


class MultiPartParser(parsers.MultiPartParser):
    """As `FormParser`: no field of this API takes a file."""

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        body = stream.read()
        _require_utf8(body)
        return super().parse(BytesIO(body), *args, **kwargs)


def _depth(body: bytes) -> int:
    """Return how deep a JSON text is nested, or less where it cannot be deeper than allowed."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for token in STRING_OR_BRACKET.findall(body):
        depth += (token in b"[{") - (token in b"]}")
        deepest = max(deepest, depth)
    return deepest


def _require_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise ParseError("Form parse error - not UTF-8") from error
