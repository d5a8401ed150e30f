"""DRF's pages of endpoints, which know who is logged in and what was sent."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import RawPostDataException, UnreadablePostError
from rest_framework.exceptions import APIException
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.serializers import DateTimeField, Field, Serializer

from accounts.browsable.authentication import get_cookie_user, is_same_origin
from accounts.browsable.cookies import tokens_from_response
from accounts.domain.errors import AccountError, ServiceUnavailable
from accounts.rest.responses import Response

Errors = Mapping[str, list[dict[str, str]]]


class EndpointRenderer(BrowsableAPIRenderer):
    """DRF's page of an endpoint; its bar knows who is logged in, on every endpoint.

    A form that was refused comes back as it was filled in, less its secrets, with each error at
    its field: DRF does so from the serializer that failed, which the one error shape does not have.
    A view that answers an error by itself has DRF's page as it is.
    """

    template = "accounts/endpoint.html"
    renderer_context: Mapping[str, Any]
    _method: str

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the page, with `?` for half a surrogate pair that was sent: UTF-8 has none."""
        page = super().render(data, accepted_media_type, renderer_context)
        return page.encode(errors="replace").decode()

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        request, response = renderer_context["request"], renderer_context["response"]
        # The bar and the forms are for the next click; a refused CSRF token made this one nobody's.
        request.user = _visitor(request, response)
        context = super().get_context(data, accepted_media_type, renderer_context)
        return {**context, "display_edit_forms": True}

    def get_rendered_html_form(self, data: Any, view: Any, method: str, request: Request) -> Any:
        self._method = method
        return super().get_rendered_html_form(data, view, method, request)

    def render_form_for_serializer(self, serializer: Any) -> Any:
        request, response = self.renderer_context["request"], self.renderer_context["response"]
        errors: Errors | None = getattr(response, "errors", None)
        # A page has no form for PATCH but PUT's.
        sent_by = "PUT" if request.method == "PATCH" else request.method
        if errors is not None and sent_by == self._method and isinstance(serializer, Serializer):
            _refill(serializer, _sent(request), errors)
        return super().render_form_for_serializer(serializer)

    def get_filter_form(self, data: Any, view: Any, request: Request) -> Any:
        # DRF asks a list's view for its queryset first, and one without filters may have none.
        if not getattr(view, "filter_backends", ()):
            return None
        return super().get_filter_form(data, view, request)


def _visitor(request: Request, response: Response) -> Any:
    """Return who the next click will come from."""
    try:
        user = request.user
    except (APIException, AccountError):
        # This is the page that says so, or an error came before anybody asked: nothing on it may
        # ask again.
        # As DRF does after exceptions of its own.
        request._not_authenticated()  # type: ignore[attr-defined]  # noqa: SLF001
        user = request.user
    if "HTTP_AUTHORIZATION" in request.META or tokens_from_response(request, response):
        return user
    with suppress(ServiceUnavailable):
        if found := get_cookie_user(request):
            return found[0]
    return AnonymousUser()


def _sent(request: Request) -> Mapping[str, Any]:
    """Return what a page of this service sent; of a form from elsewhere nothing is repeated."""
    if not is_same_origin(request):
        return {}
    # Of a media type that nobody parses; or it never came, and is not there to be read again.
    with suppress(APIException, UnreadablePostError, RawPostDataException):
        if isinstance(request.data, Mapping):
            return request.data
    return {}


def _refill(serializer: Any, sent: Mapping[str, Any], errors: Errors) -> None:
    # Where DRF keeps them after `is_valid()`, but as answered: nothing is judged twice.
    serializer._data = _repeatable(sent, serializer)  # noqa: SLF001  # where `is_valid` keeps them
    serializer._errors = _messages(errors, serializer)  # noqa: SLF001  # the same


def _repeatable(sent: Mapping[str, Any], serializer: Any) -> dict[str, Any]:
    """Return what a page may repeat: text, less secrets."""
    kept: dict[str, Any] = {}
    for name, field in serializer.fields.items():
        value = field.get_value(sent)
        if isinstance(field, Serializer) and isinstance(value, Mapping):
            kept[name] = _repeatable(value, field)
        elif isinstance(value, str) and not _is_kept_back(field):
            kept[name] = value
    return kept


def _is_kept_back(field: Field[Any, Any, Any, Any]) -> bool:
    # A form parses a time before it shows it, and fails on any other text.
    secret = field.write_only or field.style.get("input_type") == "password"
    return secret or isinstance(field, DateTimeField)


def _messages(errors: Errors, serializer: Any) -> dict[str, Any]:
    """Return what is said at each field; a nested form has its own fields' messages."""
    messages: dict[str, Any] = {}
    for name, field in serializer.fields.items():
        inner = {
            path.removeprefix(name).removeprefix("."): items
            for path, items in errors.items()
            if f"{path}.".startswith(f"{name}.")
        }
        messages[name] = (
            _messages(inner, field)
            if isinstance(field, Serializer)
            else [item["detail"] for items in inner.values() for item in items]
        )
    return messages
