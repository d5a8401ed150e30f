"""DRF's pages of endpoints, which know who is logged in."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request

from accounts.browsable.cookies import fresh_tokens, holder_of
from accounts.core.errors import ServiceUnavailable
from accounts.responses import Response


class EndpointRenderer(BrowsableAPIRenderer):
    """DRF's page of an endpoint; its bar knows who is logged in, on every endpoint."""

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        request, response = renderer_context["request"], renderer_context["response"]
        visitor = _visitor(request, response)
        context = super().get_context(data, accepted_media_type, renderer_context)
        return {**context, "user": visitor}


def _visitor(request: Request, response: Response) -> Any:
    """Return who the next click will come from."""
    try:
        user = request.user
    except ServiceUnavailable:  # This is the page that says so: nothing on it may ask again.
        # As DRF does after exceptions of its own.
        request._not_authenticated()  # type: ignore[attr-defined]  # noqa: SLF001
        user = request.user
    if "HTTP_AUTHORIZATION" in request.META or fresh_tokens(request, response):
        return user
    with suppress(ServiceUnavailable):
        if found := holder_of(request):
            return found[0]
    return AnonymousUser()
