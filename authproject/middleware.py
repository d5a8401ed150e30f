"""What happens to every request before and after the views, outermost first."""

import logging
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path

from accounts.exceptions import PayloadTooLarge, problem_response
from authproject import logs
from authproject.health import PROBE_PATHS

GetResponse = Callable[[HttpRequest], HttpResponse]

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
PRIVATE_PATHS = ("/api/v1/auth/", "/api/v1/protected/")

access_log = logging.getLogger("authproject.access")


class RequestLogMiddleware:
    """Names each request (`X-Request-ID`) and writes its access line."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        name = given if SANE_REQUEST_ID.fullmatch(given) else uuid4().hex
        request.request_id = name  # type: ignore[attr-defined]  # for accounts.exceptions.server_error
        token = logs.request_id.set(name)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = name
            _declare_length(response)
            _log_access(request, response, time.perf_counter() - started)
            return response
        finally:
            logs.request_id.reset(token)


class SecurityHeadersMiddleware:
    """`nosniff` everywhere; `no-store` wherever tokens or a user's data pass."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["X-Content-Type-Options"] = "nosniff"
        if request.path_info.startswith(PRIVATE_PATHS):
            response["Cache-Control"] = "no-store"
        return response


class HostMiddleware:
    """Refuses a Host that `ALLOWED_HOSTS` does not list; probes may send any."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in PROBE_PATHS:
            request.get_host()  # raises DisallowedHost
        return self.get_response(request)


class BodyLimitMiddleware:
    """Refuses a body that declares more than `MAX_BODY_BYTES`, before any of it is read."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        declared = request.META.get("CONTENT_LENGTH") or "0"
        # Python makes no number of more than 4,300 digits; zeros in front count for none.
        length = declared.lstrip("0")[:20] or "0"
        if not length.isdecimal() or int(length) > settings.MAX_BODY_BYTES:
            return problem_response(PayloadTooLarge())
        return self.get_response(request)


def _declare_length(response: HttpResponse) -> None:
    # Without it a server has to send the body in chunks. 204 has none to declare (RFC 9110 §8.6).
    if not response.streaming and response.status_code != HTTPStatus.NO_CONTENT:
        response.headers.setdefault("Content-Length", str(len(response.content)))


def _log_access(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    path = escape_uri_path(request.path)
    access_log.info(
        "%s %s %d",
        request.method,
        path,
        response.status_code,
        extra={
            "method": request.method,
            "path": path,
            "route": f"/{match.route}" if (match := request.resolver_match) else None,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 2),
            "client": request.META.get("REMOTE_ADDR"),
        },
    )
