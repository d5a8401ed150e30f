"""Gives each request an ID, sets the headers of every response, logs and counts requests."""

import re
import time
from collections.abc import Callable
from os import urandom
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path

from accounts.domain.errors import TokenError
from accounts.rest.responses import ErrorResponse
from authproject.monitoring.access_log import log_request, request_id
from authproject.monitoring.formatters import mask_tokens
from authproject.server.environ import KNOWN_METHODS
from authproject.server.routes import iter_routes

if TYPE_CHECKING:
    from authproject.monitoring.metrics import RequestMetrics

GetResponse = Callable[[HttpRequest], HttpResponse]

REQUEST_ID_RE = re.compile(r"[A-Za-z0-9._-]{1,128}")
PRIVATE_PATHS = ("/api/v1/auth/", "/api/v1/protected/")
"""Responses below these paths carry tokens or a user's data."""

MAX_METHOD_LENGTH = 16
MAX_PATH_LENGTH = 512
"""Longer methods and paths are logged in part, so that a client cannot fill the disk."""
PLAIN_PATH_RE = re.compile(rf"[A-Za-z0-9/._-]{{0,{MAX_PATH_LENGTH}}}")

FIRST_ERROR_STATUS = 400


class RequestIDMiddleware:
    """Sets `X-Request-ID` and the other headers that every response has.

    The ID is the client's own if it is valid, otherwise a new one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.META.get("HTTP_X_REQUEST_ID")
        name = sent if sent and REQUEST_ID_RE.fullmatch(sent) else urandom(16).hex()
        request.request_id = name  # type: ignore[attr-defined]  # for accounts.rest.exceptions.server_error
        token = request_id.set(name)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        _set_headers(response, request.path_info, name)
        return response


def _set_headers(response: HttpResponse, path: str, request_id: str) -> None:
    headers = response.headers
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    if path.startswith(PRIVATE_PATHS):
        headers["Cache-Control"] = "no-store"


class AccessLogMiddleware:
    """Logs each request and, if `METRICS` is enabled, counts it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._paths = frozenset(route.path for route in iter_routes())
        self._metrics = _build_metrics() if settings.METRICS else None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        self._log_and_count(request, response, time.perf_counter() - started)
        return response

    def _log_and_count(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        method, path, status = request.method or "", request.path_info, response.status_code
        match = request.resolver_match
        # Without a match, a middleware refused the request, or its path has no route.
        route = f"/{match.route}" if match else path if path in self._paths else None
        fields = {
            "method": method if method in KNOWN_METHODS else method[:MAX_METHOD_LENGTH],
            "path": _loggable_path(request.path),
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 2),
            "client": request.META.get("REMOTE_ADDR"),
        }
        outcome, token_error = "success", None
        if status >= FIRST_ERROR_STATUS:
            code, token_error = _get_error(response)
            fields["code"] = outcome = code or "error"
            if token_error:
                fields["reason"] = token_error.log_reason
        log_request(fields)
        if self._metrics:
            self._metrics.count(
                method=method,
                path=path,
                route=route,
                status=status,
                outcome=outcome,
                token_error=token_error,
                seconds=seconds,
            )


def _build_metrics() -> "RequestMetrics":
    from authproject.monitoring.metrics import RequestMetrics  # noqa: PLC0415  # only if enabled

    return RequestMetrics()


def _get_error(response: Any) -> tuple[str | None, TokenError | None]:
    """Return the response's error code, and why a token was refused."""
    # Set by accounts.rest.exceptions. Not read from the body, which clients can influence.
    error: ErrorResponse | None = getattr(response, "error", None)
    return (error.log_code, error.token_error) if error else (None, None)


def _loggable_path(path: str) -> str:
    """Return the path with tokens masked and URL escapes, cut at `MAX_PATH_LENGTH` with "…"."""
    if PLAIN_PATH_RE.fullmatch(path):
        return path
    # Masked first: a token that is cut is not recognized.
    escaped = escape_uri_path(mask_tokens(path)[: MAX_PATH_LENGTH + 1])
    return escaped if len(escaped) <= MAX_PATH_LENGTH else escaped[:MAX_PATH_LENGTH] + "…"
