"""Refuses requests before they reach a view: unknown hosts, large bodies, overload."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.domain.errors import ServerOverloaded
from accounts.rest.exceptions import PayloadTooLarge, error_response
from authproject.server.environ import OVERLOADED, parse_content_length

GetResponse = Callable[[HttpRequest], HttpResponse]

HOST_CHECK_EXEMPT_PATHS = frozenset({"/health", "/health/ready"})
"""Answered whatever the Host: a probe addresses a machine, not a name."""

REMEMBERED_HOSTS = 64  # with ALLOWED_HOSTS=* in development anybody can invent one


class AllowedHostsMiddleware:
    """Refuses a Host that `ALLOWED_HOSTS` does not list; probes may send any."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._known: set[str] = set()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.META.get("HTTP_HOST") not in self._known
            and request.path_info not in HOST_CHECK_EXEMPT_PATHS
        ):
            host = request.get_host()  # raises DisallowedHost
            if len(self._known) < REMEMBERED_HOSTS:
                self._known.add(host)
        return self.get_response(request)


class BodySizeLimitMiddleware:
    """Refuses a body that declares more than `MAX_BODY_BYTES`, before any of it is read, and a
    request for which the server has no thread in sight."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        declared = request.META.get("CONTENT_LENGTH")
        if declared and parse_content_length(declared) > settings.MAX_BODY_BYTES:
            return error_response(PayloadTooLarge())
        if OVERLOADED in request.META:
            return error_response(ServerOverloaded())
        return self.get_response(request)
