"""Log lines: what is told, by whom, at which level. How a line looks is `log_formats`'s."""

import logging
from contextvars import ContextVar
from typing import Any

from accounts.core.events import Event
from accounts.signals import BY_EVENT
from authproject.log_formats import ConsoleFormatter, JSONLineFormatter, Line

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that this thread, or this task of the event loop, is answering."""

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


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class BugFilter(logging.Filter):
    """Lets pass what carries a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None


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
            # runserver's own access lines; ours say more.
            "django.server": {
                "level": "ERROR",
                "filters": ["bugs"],
                "handlers": [],
                "propagate": True,
            },
        },
    }
