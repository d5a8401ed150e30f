"""The base class of the project's views."""

from math import inf
from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.exceptions import NotFound
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.conf import conf
from accounts.domain.interfaces import StoreAccess
from accounts.rest.exceptions import (
    PayloadTooLarge,
    UnsupportedContentEncoding,
    UnsupportedMediaType,
)
from accounts.rest.parsers import FormParser, MultiPartParser


class BaseAPIView(APIView):
    """Checks a body's size and type before credentials and method; in DRF, that comes last."""

    store_access: ClassVar[StoreAccess | None] = None
    """How the view uses the store; an `@action(store_access=...)` overrides it.

    With this and `hashes_password` the server chooses where the view runs. `None` means "not
    declared": the view runs on a thread.
    """

    hashes_password: ClassVar[bool] = False
    """Whether the view hashes or verifies a password, which takes a quarter of a second."""

    enabled_by: ClassVar[str | None] = None
    """The key of `ACCOUNTS` without which the path does not exist."""

    max_body_bytes: ClassVar[float] = inf
    """The largest body that the view reads. A server or a proxy may refuse it before."""

    @property
    def is_enabled(self) -> bool:
        return self.enabled_by is None or bool(getattr(conf, self.enabled_by))

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Return DRF's request. It has two attributes itself that DRF would look up each time."""
        drf_request = super().initialize_request(request, *args, **kwargs)
        drf_request.META, drf_request.method = request.META, request.method
        return drf_request

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise `NotFound` for a disabled view, whatever the request is."""
        if self.enabled_by and not self.is_enabled:
            raise NotFound
        super().initial(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Authenticate. Before that, raise if the body cannot be parsed whoever has sent it.

        Raises `PayloadTooLarge`, `UnsupportedMediaType` and `UnsupportedContentEncoding`.
        """
        length = request.META.get("CONTENT_LENGTH")
        if length and request.stream is not None:
            if int(length) > self.max_body_bytes:
                raise PayloadTooLarge
            if request.META.get("HTTP_CONTENT_ENCODING", "").lower() not in {"", "identity"}:
                raise UnsupportedContentEncoding
            self._check_media_type(request)
        # DRF reads `request.user`. That it is not set is two attribute errors: 8 µs more.
        if "_user" not in vars(request):
            request._authenticate()  # type: ignore[attr-defined]  # noqa: SLF001  # see PRIVATE_USES

    def _check_media_type(self, request: Request) -> None:
        parsers = _get_usable_parsers(request)
        if not self.get_content_negotiator().select_parser(request, parsers):
            raise UnsupportedMediaType(*(parser.media_type for parser in parsers))


def _get_usable_parsers(request: Request) -> list[BaseParser]:
    """Return the view's parsers; without those of forms if the request is not from a page."""
    parsers = list(request.parsers or ())
    if "text/html" in request.META.get("HTTP_ACCEPT", ""):
        return parsers
    # A view with nothing else, such as the page "Log in", takes forms from anybody.
    return [one for one in parsers if not isinstance(one, (FormParser, MultiPartParser))] or parsers
