"""Refuses requests before they reach a view: unknown hosts, large bodies, overload."""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host

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
        self._allowed_hosts = tuple(settings.ALLOWED_HOSTS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = request.META.get("HTTP_HOST", "")
        exempt = request.path_info in HOST_CHECK_EXEMPT_PATHS
        if not exempt and not _is_allowed(host, self._allowed_hosts):
            request.get_host()  # raises DisallowedHost
        return self.get_response(request)


@lru_cache(64)
def _is_allowed(host: str, allowed_hosts: tuple[str, ...]) -> bool:
    """Check a host as Django's `get_host` does. Cached, which saves 8 µs a request."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed_hosts)


class RequestLimitsMiddleware:
    """Refuses a body that declares more than `MAX_BODY_BYTES`, before any of it is read.

    And refuses a request, if too many requests already wait for a thread.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._max_body_bytes = settings.MAX_BODY_BYTES

    def __call__(self, request: HttpRequest) -> HttpResponse:
        declared = request.META.get("CONTENT_LENGTH")
        if declared and parse_content_length(declared) > self._max_body_bytes:
            return error_response(PayloadTooLarge())
        if OVERLOADED in request.META:
            return error_response(ServerOverloaded())
        return self.get_response(request)
