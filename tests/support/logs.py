"""Captures the lines that the root logger writes."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any


class LogLines:
    """The lines that were logged so far, in one format."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self._stream = StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(formatter)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def json(self, logger: str) -> list[dict[str, Any]]:
        """Return the parsed lines of one logger; only for the JSON format."""
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["logger"] == logger]


def capture_log_lines(formatter: logging.Formatter) -> Iterator[LogLines]:
    """Capture until the iterator ends, for a fixture's `yield from`."""
    lines = LogLines(formatter)
    logging.getLogger().addHandler(lines.handler)
    yield lines
    logging.getLogger().removeHandler(lines.handler)
