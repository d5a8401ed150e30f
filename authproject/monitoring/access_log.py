"""Logs each request, and adds the request ID to every log record."""

import logging
from contextvars import ContextVar
from typing import Any

from authproject.monitoring.formatters import log_fields

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that this thread, or this task of the event loop, is answering."""

access_log = logging.getLogger("authproject.access")


def log_request(*, method: str, path: str, status: int, **fields: Any) -> None:
    """Write a request's line. `duration_ms` is in milliseconds."""
    message = f"{method} {path} {status}"
    fields = {"method": method, "path": path, "status": status, **fields}
    log_fields(access_log, logging.INFO, message, fields)


class RequestIDFilter(logging.Filter):
    """Adds `request_id` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class ExceptionsOnlyFilter(logging.Filter):
    """Lets pass what carries a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None
