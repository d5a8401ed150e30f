"""The browsable API's page of an endpoint."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

from django.contrib.auth.models import AnonymousUser
from django.http import RawPostDataException, UnreadablePostError
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.serializers import DateTimeField, Field, Serializer
from rest_framework.settings import api_settings

from accounts.browsable.authentication import authenticate_cookie, is_same_origin
from accounts.browsable.cookies import COOKIE_INVALID, tokens_from_response
from accounts.domain.errors import AccountError, ServiceUnavailable
from accounts.rest.responses import ErrorResponse, Response

CORRECTIONS = {
    "<html>": '<html lang="en">',
    'class="content-main" role="main"': 'class="content-main" role="group"',
    '-info" aria-label=': '-info" role="group" aria-label=',
    'class="region"  aria-label=': 'class="region" role="group" aria-label=',
    'title="Specify a format': 'aria-label="Specify a format',
}
"""Markup that a screen reader needs, where DRF's template has no block to override."""

PATCH_CORRECTIONS = {
    'data-method="PUT"': 'data-method="PATCH"',
    'title="Make a PUT request': 'title="Make a PATCH request',
    ">PUT</button>": ">PATCH</button>",
}
"""DRF's template has a form for PUT only. A view without PUT gets that form for PATCH."""


class EndpointRenderer(BrowsableAPIRenderer):
    """DRF's page of an endpoint. Every page shows who is logged in.

    After an error, the form is shown again as it was sent, without its secrets, and with each
    error at its field. A view that returns its own error body gets DRF's page unchanged.
    """

    template = "accounts/endpoint.html"
    renderer_context: Mapping[str, Any]
    _form_method: str | None

    def render(self, *args: Any, **kwargs: Any) -> str:
        page: str = super().render(*args, **kwargs)
        only_patch = _has_only_patch(self.renderer_context["view"])
        corrections = CORRECTIONS | PATCH_CORRECTIONS if only_patch else CORRECTIONS
        for markup, corrected in corrections.items():
            page = page.replace(markup, corrected)
        return page

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        request, response = renderer_context["request"], renderer_context["response"]
        request.user = _get_page_user(request, response)
        context = super().get_context(data, accepted_media_type, renderer_context)
        # DRF hides all forms after a 403. Here a failed CSRF check is a 403: send the form again.
        login_ended = COOKIE_INVALID in request.META
        if _has_only_patch(view := renderer_context["view"]):
            context["put_form"] = self.get_rendered_html_form(data, view, "PATCH", request)
        return {**context, "display_edit_forms": True, "login_ended": login_ended}

    def get_rendered_html_form(self, data: Any, view: Any, method: str, request: Request) -> Any:
        self._form_method = _get_form_method(method)
        return super().get_rendered_html_form(data, view, method, request)

    def render_form_for_serializer(self, serializer: Any) -> Any:
        request, response = self.renderer_context["request"], self.renderer_context["response"]
        error: ErrorResponse | None = getattr(response, "error", None)
        method = _get_form_method(request.method)
        if error and method == self._form_method and isinstance(serializer, Serializer):
            _restore_form(serializer, _get_submitted_data(request), error)
        return super().render_form_for_serializer(serializer)

    def get_filter_form(self, data: Any, view: Any, request: Request) -> Any:
        # DRF calls `get_queryset` first, which a view without filters may not have.
        if not getattr(view, "filter_backends", ()):
            return None
        return super().get_filter_form(data, view, request)


def _has_only_patch(view: Any) -> bool:
    return "PATCH" in view.allowed_methods and "PUT" not in view.allowed_methods


def _get_form_method(method: str | None) -> str | None:
    """Return the method of a form: PUT and PATCH share one."""
    return "PUT" if method == "PATCH" else method


def _get_page_user(request: Request, response: Response) -> Any:
    """Return the user of the next request from this page."""
    try:
        user = request.user
    except (APIException, AccountError):
        request.authenticators = ()  # the page must not authenticate, and fail, once more
        user = request.user
    if "HTTP_AUTHORIZATION" in request.META or tokens_from_response(request, response):
        return user
    with suppress(ServiceUnavailable):
        if identity := authenticate_cookie(request):
            return identity[0]
    return AnonymousUser()


def _get_submitted_data(request: Request) -> Mapping[str, Any]:
    """Return the form data; nothing of a form that another site has sent."""
    if not is_same_origin(request):
        return {}
    # The media type is unknown, or the body is malformed, incomplete or consumed.
    with suppress(APIException, UnreadablePostError, RawPostDataException):
        if isinstance(request.data, Mapping):
            return request.data
    return {}


def _restore_form(serializer: Any, data: Mapping[str, Any], error: ErrorResponse) -> None:
    """Bind `data` and the errors to the serializer, as if it had just validated the data."""
    errors = error.nested_errors
    if not errors or not isinstance(errors, Mapping):  # The error is not about fields.
        errors = {api_settings.NON_FIELD_ERRORS_KEY: [error.detail]}

    def raise_errors(data: Any) -> NoReturn:
        raise ValidationError(errors)

    serializer.initial_data = _get_safe_data(data, serializer)
    serializer.run_validation = raise_errors  # `is_valid()` reports them; nothing runs again


def _get_safe_data(data: Mapping[str, Any], serializer: Any) -> dict[str, Any]:
    """Return what a page may repeat: texts and checkboxes, without secrets."""
    safe: dict[str, Any] = {}
    for name, field in serializer.fields.items():
        value = field.get_value(data)
        if isinstance(field, Serializer) and isinstance(value, Mapping):
            safe[name] = _get_safe_data(value, field)
        elif isinstance(value, (str, bool)) and not _is_excluded(field):
            safe[name] = value
    return safe


def _is_excluded(field: Field[Any, Any, Any, Any]) -> bool:
    is_secret = field.write_only or field.style.get("input_type") == "password"
    # DRF's form parses a date and time before it shows it, and fails on malformed text.
    return is_secret or isinstance(field, DateTimeField)
