"""Logs each request, and adds the request ID to every log record."""

import logging
from contextvars import ContextVar
from typing import Any

from authproject.monitoring.formatters import log_with_fields

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The ID of the request that this thread, or this task of the event loop, handles."""

access_log = logging.getLogger("authproject.access")


def log_request(fields: dict[str, Any]) -> None:
    """Log a request with `method`, `path`, `status`, `duration_ms` (milliseconds) and more."""
    message = f"{fields['method']} {fields['path']} {fields['status']}"
    log_with_fields(access_log, logging.INFO, message, fields)


class RequestIDFilter(logging.Filter):
    """Adds `request_id` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class ExceptionsOnlyFilter(logging.Filter):
    """Passes only records with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None
