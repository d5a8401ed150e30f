"""What every view of the project shares."""

from typing import ClassVar

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.domain.interfaces import StoreAccess


class BaseAPIView(APIView):
    """Judges a body's media type before the credentials and the method, not when it is read."""

    store_access: ClassVar[StoreAccess | None] = None
    """How the view uses the store; an `@action(store_access=...)` overrides it.

    With this and `hashes_password` the server chooses where the view runs. `None` means "not
    declared": the view runs on a thread.
    """

    hashes_password: ClassVar[bool] = False
    """Whether the view hashes or verifies a password, which takes a quarter of a second."""

    @property
    def default_response_headers(self) -> dict[str, str]:
        """`Allow` where it says something: for OPTIONS, and for a method that is not allowed."""
        method = (self.request.method or "").lower()
        vary = {"Vary": "Accept"} if len(self.renderer_classes) > 1 else {}
        allowed = method in self.http_method_names and hasattr(self, method)
        if allowed and method != "options":
            return vary
        return {"Allow": ", ".join(self.allowed_methods), **vary}

    def perform_authentication(self, request: Request) -> None:
        if (
            request._request.META.get("CONTENT_LENGTH")  # noqa: SLF001  # DRF's own name for it
            and request.stream is not None
            and not self.get_content_negotiator().select_parser(request, request.parsers or ())
        ):
            raise UnsupportedMediaType(request.content_type)
        super().perform_authentication(request)
