"""What every view of the project shares."""

from functools import cache
from typing import Any, ClassVar

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.core.ports import Waits


class BaseView(APIView):
    """Judges a body's media type before the credentials and the method, not when it is read."""

    waits: ClassVar[Waits] = Waits.ANYTHING
    """What its answer may have to wait for; an `@action(waits=...)` can say so for itself.

    What never waits is answered at once, on the server's event loop; everything else has a
    thread. So a view that says too little makes every other request wait for it.
    """

    @property
    def default_response_headers(self) -> dict[str, str]:
        view: Any = type(self)
        actions = tuple(getattr(self, "action_map", ()))
        return _default_headers(view, actions, len(self.renderer_classes) > 1).copy()

    def perform_authentication(self, request: Request) -> None:
        if (
            request._request.META.get("CONTENT_LENGTH")  # noqa: SLF001  # DRF's own name for it
            and request.stream is not None
            and not self.get_content_negotiator().select_parser(request, request.parsers or ())
        ):
            raise UnsupportedMediaType(request.content_type)
        super().perform_authentication(request)


@cache
def _default_headers(view: Any, actions: tuple[str, ...], several: bool) -> dict[str, str]:
    """Return what DRF works out for each response.

    `actions` are the methods that a viewset's route adds to those of its class; `several`
    renderers make a response depend on what was accepted.
    """
    methods = [name for name in APIView.http_method_names if name in actions or hasattr(view, name)]
    if "get" in methods and "head" not in methods:
        methods.insert(methods.index("get") + 1, "head")
    vary = {"Vary": "Accept"} if several else {}
    return {"Allow": ", ".join(methods).upper(), **vary}
