"""The errors of operations. Every example is the response to an exception that the code raises."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from http.client import responses
from typing import Any

from django.http import HttpRequest
from rest_framework import exceptions as drf

from accounts import serializers
from accounts.authentication import InvalidBearerToken
from accounts.domain import errors as domain
from accounts.domain.interfaces import StoreAccess
from accounts.profiles import get_profile_serializer_class
from accounts.rest.exceptions import (
    InvalidHost,
    PayloadTooLarge,
    UnsupportedMediaType,
    exception_handler,
    server_error,
)
from accounts.rest.negotiation import IgnoreAcceptNegotiation
from authproject.server.middleware import HOST_CHECK_EXEMPT_PATHS
from authproject.views import SingleMediaTypeView

Object = dict[str, Any]

FIELD_ERROR = {"$ref": "#/components/schemas/FieldError"}

DESCRIPTIONS = {
    400: "The body is malformed, a value is invalid, or the `Host` is not allowed.",
    401: "The credentials or the token are missing or invalid.",
    404: "It does not exist, or is disabled.",
    405: "The method is not allowed; `Allow` lists the allowed ones.",
    406: "No media type in `Accept` is available.",
    413: "The body is larger than 16 KiB.",
    415: "The body is not JSON.",
    422: "A field is missing, null or of the wrong type, or the body is not an object.",
    500: "A bug. Its traceback is in the log, under the `request_id`.",
    503: "A temporary error. Retry after `Retry-After` seconds.",
}
NAMES = {422: "Unprocessable"}
"""Names for the schemas of an operation's own errors, after the operation's; else HTTP's phrase."""

SHARED_NAMES = {
    ("invalid_host", "parse_error"): "BadRequest",
    ("not_authenticated", "token_invalid", "token_expired", "token_revoked"): "Unauthorized",
    ("store_unavailable", "overloaded"): "ServiceUnavailable",
}
"""Names for the schemas of errors with several codes that operations have in common."""

TOKEN_ERRORS = (domain.TokenInvalid(), domain.TokenExpired(0), domain.TokenRevoked())
BEARER_ERRORS = (drf.NotAuthenticated(), *map(InvalidBearerToken, TOKEN_ERRORS))
FIELD_ERRORS: dict[type, Sequence[type[domain.InvalidField]]] = {
    serializers.EmailField: [domain.InvalidEmail],
    serializers.NewEmailField: [domain.InvalidEmail, domain.DuplicateEmail],
    serializers.NewPasswordField: domain.InvalidPassword.__subclasses__(),
}


def get_errors(path: str, view: Any, method: str = "POST") -> Iterator[Exception]:
    """Yield the errors that follow from what a view declares."""
    yield drf.MethodNotAllowed("PUT")
    yield PayloadTooLarge()
    yield UnsupportedMediaType("application/json")
    yield RuntimeError("a bug")
    if isinstance(view, SingleMediaTypeView) or getattr(view, "enabled_by", None):
        yield drf.NotFound()
    if not issubclass(view.content_negotiation_class, IgnoreAcceptNegotiation):
        yield drf.NotAcceptable()
    if view.authentication_classes:
        yield from BEARER_ERRORS
    # A project's own view may declare nothing; its authenticators read the store.
    store_access = getattr(view, "store_access", None)
    if view.authentication_classes or store_access in {StoreAccess.IDENTITY, StoreAccess.WRITE}:
        yield domain.StoreUnavailable()
    if store_access is not StoreAccess.NONE:  # It may wait for a thread.
        yield domain.ServerOverloaded()
    if path not in HOST_CHECK_EXEMPT_PATHS:
        yield InvalidHost()
    serializer_class = getattr(view, "serializer_class", None)
    if serializer_class is not None and method != "GET":
        yield from get_body_errors(serializer_class())


def get_body_errors(serializer: serializers.BodySerializer) -> Iterator[Exception]:
    """Yield the errors of malformed JSON, of lists, and of missing, null and invalid fields."""
    validate = serializer.run_validation
    if project_fields := get_project_fields(serializer):
        # A project's own validators must not run here: they may need a request.
        for name in project_fields:
            del serializer.fields[name]
        validate = partial(serializers.BodySerializer.run_validation, serializer)
    names = list(serializer.fields)
    if not names and not project_fields:
        return
    yield drf.ParseError("The body is not valid JSON: line 1, column 2.")
    bodies: list[Any] = [{}, dict.fromkeys(names), dict.fromkeys(names, 123)] if names else []
    for body in [*bodies, [], None]:
        try:
            validate(body)
        except drf.ValidationError as error:
            yield error
    yield from get_field_errors(serializer)
    if project_fields:
        yield domain.ProfileTooLarge()


def get_project_fields(serializer: Any) -> set[str]:
    """Return the names of the fields that `PROFILE_SERIALIZER` adds to a serializer."""
    profile_class = get_profile_serializer_class()
    return set(profile_class().fields) & set(serializer.fields) if profile_class else set()


def get_field_errors(serializer: serializers.BodySerializer) -> Iterator[drf.ValidationError]:
    """Yield the errors of unacceptable values. A body may have them beside one of another type."""
    for name, field in serializer.fields.items():
        for invalid in FIELD_ERRORS.get(type(field), []):
            yield drf.ValidationError({name: [drf.ErrorDetail(invalid.detail, invalid.code)]})


def get_examples(errors: Iterable[Exception]) -> dict[int, dict[str, Object]]:
    """Return the bodies of the responses to `errors`, by status and by a name."""
    request: Any = HttpRequest()
    request.request_id = "4f9d2c1ab07e4d5e8a63c2f1d0b9e874"
    examples: dict[int, dict[str, Object]] = {}
    for exception in errors:
        response: Any = exception_handler(exception, {}) or server_error(request)
        body = response.error.body
        examples.setdefault(response.status_code, {})[_get_name(body)] = body
    return dict(sorted(examples.items()))


def _get_name(body: Object) -> str:
    """Return the code of the first field with an error, or of the whole body."""
    for field, items in body.get("errors", {}).items():
        code = str(items[0]["code"])
        return f"body_{code}" if field == "non_field_errors" else code
    return str(body["code"])


def get_value_errors(view: Any) -> Collection[Object]:
    """Return the bodies of 400 for fields. A 422 has their errors, too, if a body has both."""
    serializer_class = getattr(view, "serializer_class", None)
    errors = get_field_errors(serializer_class()) if serializer_class else ()
    return get_examples(errors).get(400, {}).values()


def has_project_fields(view: Any) -> bool:
    """Return whether a view's body has fields of a project's own: their errors are not known."""
    serializer_class = getattr(view, "serializer_class", None)
    return serializer_class is not None and bool(get_project_fields(serializer_class()))


def build_schema(
    bodies: Collection[Object], value_errors: Collection[Object], *, has_other_errors: bool
) -> Object:
    """Return the schema of error bodies, with every code in them: clients branch on it.

    If they have `errors`, those of `value_errors` may be among them, and with `has_other_errors`
    those of other fields and with other codes.
    """
    properties = {"code": _build_enum(bodies)}
    fields: dict[str, list[Object]] = {}
    if any("errors" in body for body in bodies):
        for body in (*bodies, *value_errors):
            for field, items in body.get("errors", {}).items():
                fields.setdefault(field, []).extend(items)
    if fields:
        properties["errors"] = {
            "type": "object",
            "properties": {field: _build_array(items) for field, items in fields.items()},
        }
        if has_other_errors:
            properties["errors"]["properties"].pop("non_field_errors", None)
            properties["errors"]["additionalProperties"] = {"type": "array", "items": FIELD_ERROR}
    if any("request_id" in body for body in bodies):
        properties["request_id"] = {
            "type": "string",
            "description": "The log has the traceback under this ID.",
        }
    required = [name for name in properties if all(name in body for body in bodies)]
    return _extend("ApiError", properties, required)


def _build_array(items: Collection[Object]) -> Object:
    item = _extend("FieldError", {"code": _build_enum(items)}, ["code"])
    return {"type": "array", "items": item}


def _build_enum(bodies: Collection[Object]) -> Object:
    return {"type": "string", "enum": list(dict.fromkeys(body["code"] for body in bodies))}


def _extend(base: str, properties: Object, required: list[str]) -> Object:
    extension = {"type": "object", "properties": properties, "required": required}
    return {"allOf": [{"$ref": f"#/components/schemas/{base}"}, extension]}


def get_description(status: int) -> str:
    """Return the description of an error response, by default HTTP's phrase."""
    return DESCRIPTIONS.get(status) or f"{_get_phrase(status)}."


def get_status_name(status: int) -> str:
    """Return the part of a schema's name that stands for the status."""
    return NAMES.get(status) or _get_phrase(status).replace(" ", "")


def _get_phrase(status: int) -> str:
    return responses.get(status, "Error")


def get_shared_name(schema: Object) -> str | None:
    """Return the name of a schema that operations have in common; `None` for another."""
    properties = schema["allOf"][1]["properties"]
    codes = tuple(properties["code"]["enum"])
    if "errors" in properties:
        return None
    return str(codes[0]).title().replace("_", "") if len(codes) == 1 else SHARED_NAMES.get(codes)
