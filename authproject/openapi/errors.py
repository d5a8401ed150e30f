"""The errors of operations. Every example is the response to an exception that the code raises."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import exceptions as drf

from accounts import serializers
from accounts.authentication import InvalidBearerToken
from accounts.domain import errors as domain
from accounts.domain.interfaces import StoreAccess
from accounts.rest.exceptions import (
    InvalidHost,
    PayloadTooLarge,
    UnsupportedMediaType,
    exception_handler,
    server_error,
)
from authproject.openapi.response_serializers import Error
from authproject.server.middleware import HOST_CHECK_EXEMPT_PATHS
from authproject.views import SingleMediaTypeView

DESCRIPTIONS = {
    400: "The body is malformed, a value is invalid, or the `Host` is not allowed.",
    401: "The credentials or the token are missing or invalid.",
    404: "The page does not exist or is disabled.",
    405: "The method is not allowed; `Allow` lists the allowed ones.",
    406: "No media type in `Accept` is available.",
    413: "The body is larger than 16 KiB.",
    415: "The body is not JSON.",
    422: "A field is missing, null or of the wrong type, or the body is not an object.",
    500: "A bug. Its traceback is in the log, under the `request_id`.",
    503: "A temporary error. Retry after `Retry-After` seconds.",
}

TOKEN_ERRORS = (domain.TokenInvalid(), domain.TokenExpired(), domain.TokenRevoked())
FIELD_ERRORS: dict[type, Sequence[type[domain.InvalidField]]] = {
    serializers.EmailField: [domain.InvalidEmail],
    serializers.NewEmailField: [domain.InvalidEmail, domain.DuplicateEmail],
    serializers.NewPasswordField: domain.InvalidPassword.__subclasses__(),
}


def get_errors(path: str, view: Any) -> Iterator[Exception]:
    """Yield the errors that follow from what a view declares."""
    yield drf.MethodNotAllowed("PUT")
    yield PayloadTooLarge()
    yield UnsupportedMediaType("application/json")
    yield RuntimeError("a bug")
    yield drf.NotFound() if isinstance(view, SingleMediaTypeView) else drf.NotAcceptable()
    if view.authentication_classes:
        yield drf.NotAuthenticated()
        yield from map(InvalidBearerToken, TOKEN_ERRORS)
    # A project's own view may declare nothing; its authenticators read the store.
    store_access = getattr(view, "store_access", None)
    if view.authentication_classes or store_access in {StoreAccess.IDENTITY, StoreAccess.WRITE}:
        yield domain.StoreUnavailable()
    if getattr(view, "hashes_password", False):
        yield domain.HashingOverloaded()
    if path not in HOST_CHECK_EXEMPT_PATHS:
        yield InvalidHost()
    if serializer_class := getattr(view, "serializer_class", None):
        yield from get_body_errors(serializer_class())


def get_body_errors(serializer: serializers.BodySerializer) -> Iterator[Exception]:
    """Yield the errors of malformed JSON, of lists, and of missing, null and invalid fields."""
    names = list(serializer.fields)
    if not names:
        return
    yield drf.ParseError("The body is not valid JSON: line 1, column 2.")
    bodies: list[Any] = [{}, dict.fromkeys(names), dict.fromkeys(names, 123), []]
    for body in bodies:
        try:
            serializer.run_validation(body)
        except drf.ValidationError as error:
            yield error
    for name, field in serializer.fields.items():
        for invalid in FIELD_ERRORS.get(type(field), []):
            yield drf.ValidationError({name: [drf.ErrorDetail(invalid.detail, invalid.code)]})


def build_error_responses(errors: Iterable[Exception]) -> dict[int, OpenApiResponse]:
    """Return one response for each status, with an example for each error."""
    request: Any = HttpRequest()
    request.request_id = "4f9d2c1ab07e4d5e8a63c2f1d0b9e874"
    responses: Any = (exception_handler(error, {}) or server_error(request) for error in errors)
    get_status = attrgetter("status_code")
    return {
        status: OpenApiResponse(
            Error,
            description=DESCRIPTIONS[status],
            examples=[OpenApiExample(_get_name(one.error.body), one.error.body) for one in group],
        )
        for status, group in groupby(sorted(responses, key=get_status), key=get_status)
    }


def _get_name(body: dict[str, Any]) -> str:
    """Return the code of the first field with an error, or of the whole body."""
    for field, items in body.get("errors", {}).items():
        return "no object" if field == "non_field_errors" else str(items[0]["code"])
    return str(body["code"])
