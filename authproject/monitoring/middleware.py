"""Gives each request an ID, sets the headers that every response has, logs and counts it."""

import re
import time
from collections.abc import Callable
from http import HTTPStatus
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path

from accounts.domain.errors import TokenError
from accounts.rest.responses import ErrorResponse
from authproject.monitoring import access_log as logs
from authproject.monitoring.formatters import mask_tokens
from authproject.server.environ import KNOWN_METHODS
from authproject.server.routes import routes

GetResponse = Callable[[HttpRequest], HttpResponse]

REQUEST_ID_RE = re.compile(r"[A-Za-z0-9._-]{1,128}")
MAX_PATH_LENGTH = 512
"""Of a longer path, as it is logged, so many characters are; then "…", which no path has there."""
PLAIN_PATH = re.compile(rf"[A-Za-z0-9/._-]{{0,{MAX_PATH_LENGTH}}}")
# A last character in UTF-8, whole or not, whose last escape may be cut in two.
LAST_CHARACTER = re.compile(r"(%[C-F][0-9A-F](%[89AB][0-9A-F]){0,2})?(%[0-9A-F]?)?$")
MAX_METHOD_LENGTH = 16
"""Of a method that is nobody's, so much is logged."""

PRIVATE_PATHS = ("/api/v1/auth/", "/api/v1/protected/")


class RequestIDMiddleware:
    """Names each request (`X-Request-ID`), completes its headers and writes its access line.

    `nosniff` everywhere; `no-store` wherever tokens or a user's data pass.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._paths = frozenset(route.path for route in routes())
        self._observe: Callable[..., None] = _nothing
        if settings.METRICS:
            from authproject.monitoring.metrics import RequestMetrics  # noqa: PLC0415  # only where it is on

            self._observe = RequestMetrics()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID")
        name = given if given and REQUEST_ID_RE.fullmatch(given) else token_hex(16)
        request.request_id = name  # type: ignore[attr-defined]  # for accounts.rest.exceptions.server_error
        token = logs.request_id.set(name)
        try:
            response = self.get_response(request)
            _set_headers(response, request.path_info, name)
            self._log_and_count(request, response, time.perf_counter() - started)
            return response
        finally:
            logs.request_id.reset(token)

    def _log_and_count(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        method, status = request.method or "", response.status_code
        match, path = request.resolver_match, request.path_info
        # Without a match it was refused before it was resolved, or it is nobody's.
        route = f"/{match.route}" if match else path if path in self._paths else None
        outcome, refused = "success", None
        wrong: dict[str, str] = {}
        if status >= HTTPStatus.BAD_REQUEST:
            outcome, refused, wrong = _what_was_wrong(response)
        logs.log_request(
            method=method if method in KNOWN_METHODS else method[:MAX_METHOD_LENGTH],
            path=_loggable_path(request.path),
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            client=request.META.get("REMOTE_ADDR"),
            **wrong,
        )
        self._observe(
            method=method,
            path=path,
            route=route,
            status=status,
            outcome=outcome,
            refused=refused,
            seconds=seconds,
        )


def _set_headers(response: HttpResponse, path: str, request_id: str) -> None:
    # Straight into Django's mapping: what its setter guards against cannot be in these values.
    headers = response.headers._store  # noqa: SLF001  # for speed
    headers["x-request-id"] = ("X-Request-ID", request_id)
    headers["x-content-type-options"] = ("X-Content-Type-Options", "nosniff")
    if path.startswith(PRIVATE_PATHS):
        headers["cache-control"] = ("Cache-Control", "no-store")
    # Without it a server has to send the body in chunks. 204 has none to declare (RFC 9110 §8.6).
    if not response.streaming and response.status_code != HTTPStatus.NO_CONTENT:
        headers["content-length"] = ("Content-Length", str(len(response.content)))


def _nothing(**kwargs: Any) -> None:
    """What is observed where `METRICS` is off."""


def _what_was_wrong(response: Any) -> tuple[str, TokenError | None, dict[str, str]]:
    """Return an error response's code, why it refused a token, and both as the log has them."""
    # Not from its body: in a view of a project's own that may be whatever a client has sent.
    error: ErrorResponse | None = getattr(response, "error", None)
    code = (error.log_code if error else None) or "error"
    refused = error.token_error if error else None
    return code, refused, {"code": code, **({"reason": refused.log_reason} if refused else {})}


def _loggable_path(path: str) -> str:
    """Return a path as it is logged: escaped, and cut before a stranger fills a disk with it."""
    if PLAIN_PATH.fullmatch(path):
        return path
    # Masked before it is cut: of half a token the mask would not know.
    escaped = escape_uri_path(mask_tokens(path)[: MAX_PATH_LENGTH + 1])
    if len(escaped) <= MAX_PATH_LENGTH:
        return escaped
    return LAST_CHARACTER.sub("", escaped[:MAX_PATH_LENGTH], count=1) + "…"
