"""Refuses requests before they reach a view: unknown hosts, large bodies, overload."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.domain.errors import ServerOverloaded
from accounts.rest.exceptions import PayloadTooLarge, error_response
from authproject.server.environ import OVERLOADED, parse_content_length

GetResponse = Callable[[HttpRequest], HttpResponse]

HOST_CHECK_EXEMPT_PATHS = frozenset({"/health", "/health/ready"})
"""Answered for any host: an orchestrator sends health checks to an address, not to a name."""


class AllowedHostsMiddleware:
    """Refuses a Host that `ALLOWED_HOSTS` does not list."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in HOST_CHECK_EXEMPT_PATHS:
            request.get_host()  # raises DisallowedHost
        return self.get_response(request)


class BodySizeLimitMiddleware:
    """Refuses a body that declares more than `MAX_BODY_BYTES`, before any of it is read.

    It also refuses a request if too many requests already wait for a thread.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        declared = request.META.get("CONTENT_LENGTH")
        if declared and parse_content_length(declared) > settings.MAX_BODY_BYTES:
            return error_response(PayloadTooLarge())
        if OVERLOADED in request.META:
            return error_response(ServerOverloaded())
        return self.get_response(request)
