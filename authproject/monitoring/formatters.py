"""Formats log records: JSON lines in production, aligned columns in development.

In both, no character of any input starts a line or controls a terminal, and tokens are masked: a
client may put one into a path, and a library into an exception.
"""

import json
import logging
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import starmap
from typing import Any, TextIO

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The ID of the request that this thread, or this task of the event loop, handles."""

NO_CALLER = ("process", "processName", "relativeCreated", "thread", "threadName")
USUAL_ATTRS = vars(logging.makeLogRecord(dict.fromkeys(NO_CALLER)))
RESERVED_ATTRS = {*USUAL_ATTRS, "message", "request", "status_code"}
"""Attributes that `logging` or Django set on a record. All others were passed as `extra`."""

TOKEN = re.compile(r"eyJ[A-Za-z0-9_.-]{16,}")
"""A JSON Web Token, or its payload: the base64 of a text that begins with `{"`."""

# JSON escapes are matched first: the `e` of `\u000e` does not begin a token.
ESCAPE_OR_TOKEN = re.compile(rf"(\\(?:u[0-9a-f]{{4}}|.))|{TOKEN.pattern}")

# Select Graphic Rendition (ECMA-48 §8.3.117): colors that every terminal has.
DIM, BOLD_RED, RED, GREEN, YELLOW, MAGENTA, CYAN = "2", "1;31", "31", "32", "33", "1;35", "36"
LEVEL_COLORS = {"DEBUG": DIM, "INFO": GREEN, "WARNING": YELLOW, "ERROR": RED, "CRITICAL": BOLD_RED}
STATUS_COLORS = {2: GREEN, 3: CYAN, 4: YELLOW, 5: BOLD_RED}

PATH_WIDTH = 26
"""Enough for the service's own paths. A longer path moves the rest of its line to the right."""
SHORT_ID = 8


def log_fields(logger: logging.Logger, level: int, message: str, fields: dict[str, Any]) -> None:
    """Log a message with fields that the formatters below know.

    `logger.info` would search the stack for its caller, which no format shows, and take its path
    apart. With the search for `extra` in the record, that is 11 µs a request.
    """
    if logger.isEnabledFor(level):
        logger.handle(FieldsRecord(logger.name, level, message, fields))


class FieldsRecord(logging.LogRecord):
    """A record with all usual attributes, but those of its caller are empty."""

    def __init__(self, name: str, level: int, message: str, fields: dict[str, Any]) -> None:
        vars(self).update(USUAL_ATTRS, name=name, msg=message, levelno=level, fields=fields)
        self.levelname = logging.getLevelName(level)
        self.created = time.time()
        self.msecs = self.created % 1 * 1000


class JSONLineFormatter(logging.Formatter):
    """One JSON object in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line |= getattr(record, "fields", None) or _get_extra(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        text = to_json(line)
        return ESCAPE_OR_TOKEN.sub(lambda match: match[1] or "***", text) if "eyJ" in text else text


def mask_tokens(text: str) -> str:
    """Replace each token in a plain text by `***`."""
    return TOKEN.sub("***", text)


def _get_extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in RESERVED_ATTRS}


def to_json(line: dict[str, Any]) -> str:
    """Return JSON in ASCII, because some programs take U+2028 for a line break."""
    try:
        text = orjson.dumps(line)
    except TypeError:  # a type that JSON does not have, or a lone surrogate
        return json.dumps({name: _to_jsonable(value) for name, value in line.items()})
    # orjson writes NaN as null, which is valid JSON.
    return text.decode() if text.isascii() else json.dumps(orjson.loads(text))


def _to_jsonable(value: Any) -> Any:
    """Return a value of a JSON type; of any other value, its text."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


class ConsoleFormatter(logging.Formatter):
    """Writes columns, in color if `supports_color`.

    An access line has time, level, status, method, path, duration, client, the beginning of the
    request ID, and the error. Tracebacks are indented, so none of their lines looks like a record.
    """

    def __init__(self, *, color: bool | None = None) -> None:
        super().__init__()
        self._color = supports_color(sys.stderr, os.environ) if color is None else color

    def format(self, record: logging.LogRecord) -> str:
        line = " ".join(starmap(self._paint, _iter_columns(record))).rstrip()
        traceback = self.formatException(record.exc_info).split("\n") if record.exc_info else []
        colors = [DIM if text.startswith((" ", "Traceback")) else RED for text in traceback]
        indented = [f"    {text}" for text in traceback]
        return mask_tokens("\n".join([line, *map(self._paint, indented, colors)]))

    def _paint(self, text: str, color: str) -> str:
        text = escape_control_chars(text)
        return f"\x1b[{color}m{text}\x1b[0m" if self._color and color else text


def _iter_columns(record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    """Yield each column's text and color."""
    yield f"{time.strftime('%H:%M:%S', time.localtime(record.created))}.{int(record.msecs):03}", DIM
    yield f"{record.levelname:<8}", LEVEL_COLORS.get(record.levelname, "")
    fields = getattr(record, "fields", {})
    if "status" in fields:
        yield from _iter_access_columns(fields)
    elif "event" in fields:
        yield f"{fields['event']:<20}", MAGENTA
        yield fields["user"], ""
    else:
        yield f"{record.name}:", DIM
        yield record.getMessage(), ""
    if name := request_id.get():
        yield f"{name[:SHORT_ID]:<{SHORT_ID}}", DIM
    if "code" in fields:
        yield _format_error(fields), STATUS_COLORS[fields["status"] // 100]


def _iter_access_columns(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield str(fields["status"]), STATUS_COLORS.get(fields["status"] // 100, "")
    yield f"{fields['method']:<7}", ""
    yield f"{fields['path']:<{PATH_WIDTH}}", ""
    yield f"{fields['duration_ms']:>8.1f} ms", ""
    yield f"{fields['client']!s:<9}", DIM


def _format_error(fields: Mapping[str, str]) -> str:
    code, reason = fields["code"], fields.get("reason", "")
    return code if code.endswith(reason) else f"{code} ({reason})"


def escape_control_chars(text: str) -> str:
    """Replace control characters, such as line breaks, by their escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def supports_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to write colors, by https://no-color.org, https://force-color.org and the stream."""
    if environ.get("NO_COLOR") or environ.get("FORCE_COLOR"):
        return not environ.get("NO_COLOR")
    return stream.isatty() and environ.get("TERM") != "dumb"
