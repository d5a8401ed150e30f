"""The errors of operations. Every example is the response to an exception that the code raises."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import exceptions as drf
from rest_framework.serializers import ValidationError

from accounts.authentication import InvalidBearerToken
from accounts.domain import errors as domain
from accounts.rest.exceptions import (
    PayloadTooLarge,
    bad_request,
    exception_handler,
    server_error,
)
from accounts.serializers import BodySerializer
from authproject.openapi.response_serializers import ErrorBody

JSON = "application/json"
ResponseKey = tuple[int, str]
"""Status and media type."""

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

MALFORMED_JSON = drf.ParseError(
    "JSON parse error - unexpected end of data: line 1 column 2 (char 1)"
)
UNKNOWN_HOST = DisallowedHost()
BUG = RuntimeError()

HEALTH_ERRORS = (
    drf.MethodNotAllowed("PUT"),
    PayloadTooLarge(),
    drf.UnsupportedMediaType("text/plain"),
    BUG,
    drf.NotAcceptable(),
)
"""Errors of endpoints that do not check the `Host`."""
COMMON_ERRORS = (*HEALTH_ERRORS, UNKNOWN_HOST)
SINGLE_MEDIA_TYPE_ERRORS = (*HEALTH_ERRORS[:-1], UNKNOWN_HOST, drf.NotFound())
"""Errors of endpoints that ignore `Accept` and can be disabled."""

STORE_ERRORS = (domain.StoreUnavailable(),)
HASHING_ERRORS = (*STORE_ERRORS, domain.HashingOverloaded())
TOKEN_ERRORS = (domain.TokenInvalid(), domain.TokenExpired(), domain.TokenRevoked())
BEARER_ERRORS = (drf.NotAuthenticated(), *map(InvalidBearerToken, TOKEN_ERRORS))
PASSWORD_ERRORS = (
    domain.PasswordTooShort,
    domain.PasswordTooLong,
    domain.PasswordTooCommon,
    domain.PasswordInvalidCharacters,
)


def field_errors(field: str, *errors: type[domain.InvalidField]) -> Iterator[Exception]:
    """Yield the validation error of each invalid value of a field."""
    for error in errors:
        yield ValidationError({field: [drf.ErrorDetail(error.detail, error.code)]})


def body_errors(serializer: type[BodySerializer]) -> Iterator[Exception]:
    """Yield the errors of malformed JSON, of lists, and of missing, null and mistyped fields."""
    yield MALFORMED_JSON
    names = list(serializer().fields)
    bodies: list[Any] = [{}, dict.fromkeys(names), dict.fromkeys(names, 123), []]
    for body in bodies:
        try:
            serializer().run_validation(body)
        except ValidationError as error:
            yield error


def error_responses(errors: Iterable[Exception]) -> dict[ResponseKey, OpenApiResponse]:
    """Return one response for each status, with an example for each error."""
    get_status = attrgetter("status_code")
    responses = sorted(map(_to_response, errors), key=get_status)
    return {
        (status, JSON): OpenApiResponse(
            ErrorBody,
            description=DESCRIPTIONS[status],
            examples=[OpenApiExample(_get_name(one.error.body), one.error.body) for one in group],
        )
        for status, group in groupby(responses, key=get_status)
    }


def _to_response(error: Exception) -> Any:
    request: Any = HttpRequest()
    request.request_id = "4f9d2c1ab07e4d5e8a63c2f1d0b9e874"
    if error is UNKNOWN_HOST:
        return bad_request(request, error)
    if error is BUG:
        return server_error(request)
    return exception_handler(error, {})


def _get_name(body: dict[str, Any]) -> str:
    """Return the code of the first field with an error, or of the whole body."""
    for field, items in body.get("errors", {}).items():
        return "no object" if field == "non_field_errors" else str(items[0]["code"])
    return str(body["code"])
