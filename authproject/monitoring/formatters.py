"""What a log line looks like: a JSON object in production, aligned columns in development.

In both, no character of any input can start a line or speak to a terminal, and tokens are masked:
nobody means to log one, but a client may put one into a path, and a library into an exception.
"""

import json
import logging
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

# What the logging module puts on every record; whatever else is there was given as `extra`.
# Django puts objects on its records, too.
RESERVED_ATTRS = {
    *vars(logging.makeLogRecord({})),
    "message",
    "request_id",
    "request",
    "status_code",
}

TOKEN = re.compile(r"eyJ[A-Za-z0-9_.-]{16,}")
"""A JSON web token, or its payload: base64 of what begins with `{"`."""

# An escape is kept whole: the `e` of `\u000e` begins no token.
ESCAPE_OR_TOKEN = re.compile(rf"(\\(?:u[0-9a-f]{{4}}|.))|{TOKEN.pattern}")

# Select Graphic Rendition (ECMA-48 §8.3.117): the eight colours that every terminal has.
DIM, BOLD_RED, RED, GREEN, YELLOW, MAGENTA, CYAN = "2", "1;31", "31", "32", "33", "1;35", "36"
LEVEL_COLOURS = {
    "DEBUG": DIM,
    "INFO": GREEN,
    "WARNING": YELLOW,
    "ERROR": RED,
    "CRITICAL": BOLD_RED,
}
STATUS_COLOURS = {2: GREEN, 3: CYAN, 4: YELLOW, 5: BOLD_RED}

# The service's longest path has 25 characters; a longer one pushes the rest of its line aside.
PATH_WIDTH = 26
SHORT_ID = 8


class Line(logging.LogRecord):
    """A record of ours, made at each request: without a search of the stack for its caller, and
    without the names of files, threads and processes, which none of our lines tells."""

    _blank = vars(logging.makeLogRecord({}))
    fields: dict[str, Any]

    def __init__(self, name: str, level: int, message: str, fields: dict[str, Any]) -> None:
        now = time.time()
        self.__dict__ = {**self._blank, **fields, "fields": fields}
        self.name, self.levelno, self.levelname = name, level, logging.getLevelName(level)
        self.msg, self.created, self.msecs = message, now, now % 1 * 1000


def log_fields(logger: logging.Logger, level: int, message: str, fields: dict[str, Any]) -> None:
    if logger.isEnabledFor(level):
        logger.handle(Line(logger.name, level, message, fields))


class JSONLineFormatter(logging.Formatter):
    """One JSON object in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", None),
        }
        line |= record.fields if isinstance(record, Line) else _extra(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        text = to_json(line)
        return ESCAPE_OR_TOKEN.sub(_kept, text) if "eyJ" in text else text


def mask_tokens(text: str) -> str:
    """Return text, which is not encoded in any way, with `***` for each token."""
    return TOKEN.sub("***", text)


def _kept(found: re.Match[str]) -> str:
    return found[1] or "***"


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in RESERVED_ATTRS}


def to_json(line: dict[str, Any]) -> str:
    """Return JSON in ASCII: some take U+2028 and its like for line breaks."""
    try:
        text = orjson.dumps(line)
    except TypeError:  # what is no JSON, or half of a surrogate pair
        return json.dumps({name: _plain(value) for name, value in line.items()})
    # What the faster encoder has written; NaN, which JSON does not know, as null.
    return text.decode() if text.isascii() else json.dumps(orjson.loads(text))


def _plain(value: Any) -> Any:
    """Return what every JSON can say; of anything else, its text."""
    exact = value is None or isinstance(value, str | int)
    return value if exact or (isinstance(value, float) and math.isfinite(value)) else str(value)


class ConsoleFormatter(logging.Formatter):
    """Columns for a person's eyes; in colour where `supports_color` says so.

    An access line: time, level, status, method, path, duration, client, the request id's
    beginning, and what was wrong. A traceback is indented, so none of its lines looks like one.
    """

    def __init__(self, *, colour: bool | None = None) -> None:
        super().__init__()
        self._colour = supports_color(sys.stderr, os.environ) if colour is None else colour

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        when = self._paint(f"{clock}.{int(record.msecs):03}", DIM)
        level = self._paint(f"{record.levelname:<8}", LEVEL_COLOURS.get(record.levelname, ""))
        line = " ".join([when, level, *self._columns(record)])
        return mask_tokens("\n".join([line.rstrip(), *self._traceback(record)]))

    def _columns(self, record: logging.LogRecord) -> Iterator[str]:
        fields = record.fields if isinstance(record, Line) else {}
        if "status" in fields:
            yield from self._access(fields)
        elif "event" in fields:
            yield self._paint(f"{fields['event']:<20}", MAGENTA)
            yield escape_control_chars(fields["user"])
        else:
            yield self._paint(f"{escape_control_chars(record.name)}:", DIM)
            yield escape_control_chars(record.getMessage())
        if request_id := getattr(record, "request_id", None):
            yield self._paint(f"{request_id[:SHORT_ID]:<{SHORT_ID}}", DIM)
        if "code" in fields:
            yield self._paint(_what_was_wrong(fields), STATUS_COLOURS[fields["status"] // 100])

    def _access(self, fields: Mapping[str, Any]) -> Iterator[str]:
        status = fields["status"]
        yield self._paint(str(status), STATUS_COLOURS.get(status // 100, ""))
        yield f"{escape_control_chars(fields['method']):<7}"
        yield f"{escape_control_chars(fields['path']):<{PATH_WIDTH}}"
        yield f"{fields['duration_ms']:>8.1f} ms"
        yield self._paint(f"{escape_control_chars(str(fields['client'])):<9}", DIM)

    def _traceback(self, record: logging.LogRecord) -> Iterator[str]:
        if record.exc_info:
            for line in self.formatException(record.exc_info).split("\n"):
                colour = DIM if line.startswith((" ", "Traceback")) else RED
                yield self._paint(f"    {escape_control_chars(line)}", colour)

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text


def _what_was_wrong(fields: Mapping[str, Any]) -> str:
    code, reason = fields["code"], fields.get("reason", "")
    return escape_control_chars(code if code.endswith(reason) else f"{code} ({reason})")


def escape_control_chars(text: str) -> str:
    """Return text whose control characters, line breaks among them, are written as escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def supports_color(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Validator as most programs do: https://no-color.org, https://force-color.org, a terminal."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"
