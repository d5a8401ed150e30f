"""How operations fail. Every example is what the service makes of the very exception it raises."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import exceptions as drf
from rest_framework.serializers import ValidationError

from accounts.authentication import InvalidBearerToken
from accounts.domain import errors as core
from accounts.rest.exceptions import (
    PayloadTooLarge,
    bad_request,
    exception_handler,
    server_error,
)
from accounts.serializers import BodySerializer
from authproject.openapi.response_serializers import ErrorBody

JSON = "application/json"
Key = tuple[int, str]

DESCRIPTIONS = {
    400: "The body is malformed, or a value in it unacceptable, or the Host not ours.",
    401: "No credentials, or bad ones.",
    404: "There is no such page; this one may be switched off.",
    405: "The method is not allowed; `Allow` lists those that are.",
    406: "Nothing that `Accept` names can be made.",
    413: "The body is larger than 16 KiB.",
    415: "The body is not JSON.",
    422: "A field is missing, null or of the wrong type, or the body is no object.",
    500: "A bug; the log has it under the `request_id`.",
    503: "A passing fault: the same request may succeed after `Retry-After` seconds.",
}

MALFORMED = drf.ParseError(
    "JSON parse error - Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
)
SWITCHED_OFF = drf.NotFound()
NOT_ACCEPTABLE = drf.NotAcceptable()
UNKNOWN_HOST = DisallowedHost()
BUG = RuntimeError()
ALWAYS = (
    drf.MethodNotAllowed("PUT"),
    PayloadTooLarge(),
    drf.UnsupportedMediaType("text/plain"),
    BUG,
)
PROBED = (*ALWAYS, NOT_ACCEPTABLE)
"""Common to what answers whatever the Host."""
NEGOTIATED = (*PROBED, UNKNOWN_HOST)
FIXED = (*ALWAYS, UNKNOWN_HOST, SWITCHED_OFF)
"""Common to what has one media type, whatever the client accepts, and can be off."""

STORE = (core.StoreUnavailable(),)
HASHING = (*STORE, core.HashingOverloaded())
TOKENS = (core.TokenInvalid(), core.TokenExpired(), core.TokenRevoked())
BEARER = (drf.NotAuthenticated(), *map(InvalidBearerToken, TOKENS))
PASSWORDS = (
    core.PasswordTooShort,
    core.PasswordTooLong,
    core.PasswordTooCommon,
    core.PasswordInvalidCharacters,
)


def refused(field: str, *errors: type[core.InvalidField]) -> Iterator[Exception]:
    """Yield what serializers make of values that `field` may not have."""
    for error in errors:
        yield ValidationError({field: [drf.ErrorDetail(error.detail, error.code)]})


def misshapen(serializer: type[BodySerializer]) -> Iterator[Exception]:
    """Yield what `serializer` says of bodies of the wrong shape."""
    names = list(serializer().fields)
    bodies: list[Any] = [{}, dict.fromkeys(names), dict.fromkeys(names, 123), []]
    for body in bodies:
        try:
            serializer().run_validation(body)
        except ValidationError as error:
            yield error


def responses(errors: Iterable[Exception]) -> dict[Key, OpenApiResponse]:
    """Return a response for each status, with an example for each of `errors`."""
    answers = sorted(map(_answer, errors), key=lambda answer: answer.status_code)
    return {
        (status, JSON): OpenApiResponse(
            ErrorBody,
            description=DESCRIPTIONS[status],
            examples=[OpenApiExample(_name(one.data), one.data) for one in group],
        )
        for status, group in groupby(answers, key=lambda answer: answer.status_code)
    }


def _answer(error: Exception) -> Any:
    if error is UNKNOWN_HOST:
        return bad_request(HttpRequest(), error)
    if error is BUG:
        request: Any = HttpRequest()
        request.request_id = "4f9d2c1ab07e4d5e8a63c2f1d0b9e874"
        return server_error(request)
    return exception_handler(error, {})


def _name(body: dict[str, Any]) -> str:
    """Return the code of the first field at fault, or of the whole."""
    for field, items in body.get("errors", {}).items():
        return "no object" if field == "non_field_errors" else str(items[0]["code"])
    return str(body["code"])
