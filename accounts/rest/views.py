"""What every view of the project shares."""

from typing import ClassVar

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.domain.interfaces import Waits


class BaseAPIView(APIView):
    """Judges a body's media type before the credentials and the method, not when it is read."""

    waits: ClassVar[Waits] = Waits.ANYTHING
    """What its answer may have to wait for; an `@action(waits=...)` can say so for itself.

    What never waits is answered at once, on the server's event loop; everything else has a
    thread. So a view that says too little makes every other request wait for it.
    """

    is_probe: ClassVar[bool] = False
    """Whether it is asked by who watches the service: it has a thread that no client can take."""

    operation: ClassVar[str | None] = None
    """What a POST to it counts as in the metrics, beside the actions of `AuthViewSet`."""

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
