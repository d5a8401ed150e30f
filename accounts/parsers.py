"""Request bodies."""

from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.utils import json


class JSONParser(parsers.JSONParser):
    """JSON in UTF-8, whatever charset was declared (RFC 8259 §8.1): anything else is a fault.

    DRF's own drops a character that the end of the body cuts short, and meets a body nested
    too deep for the decoder with a 500.
    """

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        try:
            # No field takes a number, and Python reads no integer of 4,301 digits.
            return json.loads(stream.read().decode(), parse_int=float)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deep") from error
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from error
