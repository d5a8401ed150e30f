"""Log lines: one JSON object each in production, one aligned line each in development."""

import json
import logging
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

from accounts.core.events import Event
from accounts.signals import BY_EVENT

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that this thread, or this task of the event loop, is answering."""

# What the logging module puts on every record; whatever else is there was given as `extra`.
# Django puts objects on its records, too.
NOT_FIELDS = {*vars(logging.makeLogRecord({})), "message", "request_id", "request", "status_code"}

# The levels of OWASP's Logging Vocabulary Cheat Sheet.
EVENT_LEVELS = {Event.LOGIN_FAIL: logging.WARNING, Event.TOKEN_REUSE: logging.CRITICAL}

access_log = logging.getLogger("authproject.access")
security_log = logging.getLogger("authproject.security")


def listen_to_security_events() -> None:
    """Write a line for each security event."""
    for signal in BY_EVENT.values():
        signal.connect(_log_security_event, dispatch_uid="authproject.logs")


def _log_security_event(event: Event, user: str, **kwargs: Any) -> None:
    level = EVENT_LEVELS.get(event, logging.INFO)
    _write(security_log, level, f"{event} {user}", {"event": event.value, "user": user})


def write_access_line(*, method: str, path: str, status: int, **fields: Any) -> None:
    """Write a request's line. `duration_ms` is in milliseconds."""
    message = f"{method} {path} {status}"
    fields = {"method": method, "path": path, "status": status, **fields}
    _write(access_log, logging.INFO, message, fields)


def _write(logger: logging.Logger, level: int, message: str, fields: dict[str, Any]) -> None:
    if logger.isEnabledFor(level):
        logger.handle(Line(logger.name, level, message, fields))


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


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class BugFilter(logging.Filter):
    """Lets pass what carries a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None


class JSONLineFormatter(logging.Formatter):
    """One JSON object in ASCII: no character of any input can start a line."""

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
        return to_json(line)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in NOT_FIELDS}


def to_json(line: dict[str, Any]) -> str:
    """Return JSON in ASCII: some take U+2028 and its like for line breaks."""
    try:
        text = orjson.dumps(line)
    except TypeError:  # what is no JSON, or half of a surrogate pair
        return json.dumps(line, default=str)
    return text.decode() if text.isascii() else json.dumps(line, default=str)


class ConsoleFormatter(logging.Formatter):
    """One line each: control characters in a message are escaped, so that none starts a line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        record.message = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode()
            for char in record.message
        )
        return super().formatMessage(record)


def logging_config(level: str, line_format: str) -> dict[str, Any]:
    """Return the `LOGGING` setting: everything on standard error, in one format."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}, "bugs": {"()": BugFilter}},
        "formatters": {"json": {"()": JSONLineFormatter}, "console": {"()": ConsoleFormatter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "filters": ["request_id"],
                "formatter": line_format,
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": "INFO", "handlers": [], "propagate": True},
            # What a client did wrong, or a passing fault, is on its access line; these are bugs.
            "django.request": {"level": "ERROR", "filters": ["bugs"]},
            "django.security": {"level": "CRITICAL"},
            # runserver's own access line; ours says more.
            "django.server": {"level": "ERROR", "handlers": [], "propagate": True},
        },
    }
