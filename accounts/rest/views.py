"""The base class of the project's views."""

from typing import ClassVar

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.domain.interfaces import StoreAccess


class BaseAPIView(APIView):
    """Checks a body's media type before credentials and method; DRF checks it at `request.data`."""

    store_access: ClassVar[StoreAccess | None] = None
    """How the view uses the store; an `@action(store_access=...)` overrides it.

    With this and `hashes_password` the server chooses where the view runs. `None` means "not
    declared": the view runs on a thread.
    """

    hashes_password: ClassVar[bool] = False
    """Whether the view hashes or verifies a password, which takes a quarter of a second."""

    def perform_authentication(self, request: Request) -> None:
        """Authenticate. Raises `UnsupportedMediaType` before that."""
        has_body = request.META.get("CONTENT_LENGTH") and request.stream is not None
        if has_body and not self._select_parser(request):
            raise UnsupportedMediaType(request.content_type)
        super().perform_authentication(request)

    def _select_parser(self, request: Request) -> BaseParser | None:
        return self.get_content_negotiator().select_parser(request, request.parsers or ())
