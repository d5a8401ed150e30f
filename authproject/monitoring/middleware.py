"""Gives each request an ID, sets the headers of every response, logs and counts requests."""

import logging
import re
import time
from collections.abc import Callable
from random import getrandbits
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path

from accounts.rest.responses import ErrorResponse
from authproject.monitoring.formatters import log_fields, mask_tokens, request_id
from authproject.server.environ import KNOWN_METHODS
from authproject.server.headers import prepare_headers, set_headers
from authproject.server.routes import iter_routes

access_log = logging.getLogger("authproject.access")

GetResponse = Callable[[HttpRequest], HttpResponse]

REQUEST_ID_RE = re.compile(r"[A-Za-z0-9._-]{1,128}")
PRIVATE_PATHS = ("/api/v1/auth/", "/api/v1/protected/")
"""Responses below these paths carry tokens or a user's data."""

COMMON_HEADERS = prepare_headers({"X-Content-Type-Options": "nosniff"})
PRIVATE_HEADERS = COMMON_HEADERS | prepare_headers({"Cache-Control": "no-store"})

MAX_METHOD_LENGTH = 16
MAX_PATH_LENGTH = 512
"""Longer methods and paths are logged in part, so that a client cannot fill the disk."""
PLAIN_PATH_RE = re.compile(rf"[A-Za-z0-9/._-]{{0,{MAX_PATH_LENGTH}}}")

FIRST_ERROR_STATUS = 400


class RequestMiddleware:
    """Gives each request an ID, sets the headers of every response, logs and counts the request.

    The ID is the client's own if it is valid, otherwise a new one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._paths = frozenset(route.path for route in iter_routes())
        if settings.METRICS:
            from authproject.monitoring.metrics import RequestMetrics  # noqa: PLC0415  # only then

            self._metrics: RequestMetrics | None = RequestMetrics()
        else:
            self._metrics = None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.META.get("HTTP_X_REQUEST_ID")
        # Not `urandom`: that lets another thread take the interpreter in the middle of a request.
        name = sent if sent and REQUEST_ID_RE.fullmatch(sent) else f"{getrandbits(128):032x}"
        request.request_id = name  # type: ignore[attr-defined]  # for accounts.rest.exceptions.server_error
        token = request_id.set(name)
        try:
            response = self._log_and_count(request)
        finally:
            request_id.reset(token)
        is_private = request.path_info.startswith(PRIVATE_PATHS)
        headers = PRIVATE_HEADERS if is_private else COMMON_HEADERS
        set_headers(response, {"x-request-id": ("X-Request-ID", name), **headers})
        return response

    def _log_and_count(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - started
        fields = self._build_fields(request, response, seconds)
        token_reason = None
        if response.status_code >= FIRST_ERROR_STATUS:
            token_reason = _add_error(fields, response)
        elif code := getattr(response, "log_code", None):
            fields["code"] = code
        message = f"{fields['method']} {fields['path']} {fields['status']}"
        log_fields(access_log, logging.INFO, message, fields)
        if self._metrics:
            self._metrics.count(request.path_info, fields, token_reason, seconds)
        return response

    def _build_fields(
        self, request: HttpRequest, response: HttpResponse, seconds: float
    ) -> dict[str, Any]:
        method, path, match = request.method or "", request.path_info, request.resolver_match
        return {
            "method": method if method in KNOWN_METHODS else method[:MAX_METHOD_LENGTH],
            "path": _format_path(request.path),
            # Without a match, a middleware refused the request, or its path has no route.
            "route": f"/{match.route}" if match else path if path in self._paths else None,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 2),
            "client": request.META.get("REMOTE_ADDR"),
        }


def _add_error(fields: dict[str, Any], response: Any) -> str | None:
    """Add the response's error code and its reason. Return why a token was refused."""
    # Set by accounts.rest.exceptions. Not read from the body, which clients can influence.
    error: ErrorResponse | None = getattr(response, "error", None)
    fields["code"] = (error and error.log_code) or "error"
    if error and error.log_reason:
        fields["reason"] = error.log_reason
    return error.token_reason if error else None


def _format_path(path: str) -> str:
    """Return the path with tokens masked and URL escapes, cut at `MAX_PATH_LENGTH` with "…"."""
    if PLAIN_PATH_RE.fullmatch(path):
        return path
    # Masked first: a token that is cut is not recognized.
    escaped = escape_uri_path(mask_tokens(path)[: MAX_PATH_LENGTH + 1])
    return escaped if len(escaped) <= MAX_PATH_LENGTH else escaped[:MAX_PATH_LENGTH] + "…"
