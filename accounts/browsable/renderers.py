"""DRF's pages of endpoints, which know who is logged in and what was sent."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.exceptions import APIException
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request

from accounts.browsable.cookies import fresh_tokens, holder_of
from accounts.core.errors import ServiceUnavailable
from accounts.responses import Response

ERRORS = 400


class EndpointRenderer(BrowsableAPIRenderer):
    """DRF's page of an endpoint; its bar knows who is logged in, on every endpoint.

    A form that was refused comes back as it was filled in, less its passwords, with each error at
    its field: DRF does so from the serializer that failed, which the one error shape does not have.
    """

    template = "accounts/endpoint.html"
    renderer_context: Mapping[str, Any]

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        request, response = renderer_context["request"], renderer_context["response"]
        # The bar and the forms are for the next click; a refused CSRF token made this one nobody's.
        request.user = _visitor(request, response)
        context = super().get_context(data, accepted_media_type, renderer_context)
        return {**context, "display_edit_forms": True}

    def render_form_for_serializer(self, serializer: Any) -> Any:
        request, response = self.renderer_context["request"], self.renderer_context["response"]
        if request.method == "POST" and response.status_code >= ERRORS:
            # Where DRF keeps them after `is_valid()`, but as answered: nothing is judged twice.
            serializer._data = _repeatable(_sent(request), serializer)  # noqa: SLF001
            serializer._errors = _messages(response.data)  # noqa: SLF001
        return super().render_form_for_serializer(serializer)


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


def _sent(request: Request) -> Mapping[str, Any]:
    with suppress(APIException):  # of a media type that nobody parses
        if isinstance(request.data, Mapping):
            return request.data
    return {}


def _repeatable(sent: Mapping[str, Any], serializer: Any) -> dict[str, str]:
    """Return what a page may repeat: text, less passwords, and half a surrogate pair as `?`."""
    return {
        name: sent[name].encode(errors="replace").decode()
        for name, field in serializer.fields.items()
        if isinstance(sent.get(name), str) and field.style.get("input_type") != "password"
    }


def _messages(problem: Mapping[str, Any]) -> dict[str, list[str]]:
    errors: Mapping[str, list[dict[str, str]]] = problem.get("errors", {})
    return {name: [item["detail"] for item in items] for name, items in errors.items()}
