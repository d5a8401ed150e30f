"""Turns exceptions into responses of one JSON shape: `detail`, `code`, and for a bad body `errors`.

`exception_handler` serves DRF's views; the `handler…` functions serve Django outside of them.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.core.exceptions import DisallowedHost, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.urls import is_valid_path
from rest_framework import exceptions as drf
from rest_framework.settings import api_settings

from accounts.authentication import InvalidBearerToken
from accounts.domain.errors import (
    AccountError,
    InvalidCredentials,
    InvalidField,
    ServiceUnavailable,
    TokenError,
    UnknownSession,
)
from accounts.rest.renderers import JSONRenderer
from accounts.rest.responses import ErrorResponse, Response

CHALLENGE = 'Bearer realm="api"'
"""The `WWW-Authenticate` header of RFC 6750 §3."""

UNPROCESSABLE_CODES = {"required", "null", "wrong_type"}
"""Codes of a body with the wrong shape (422). Every other code is about a value (400)."""


class PayloadTooLarge(drf.APIException):
    status_code = 413
    default_code = "payload_too_large"
    default_detail = "The request body is larger than 16 KiB."


class UnsupportedMediaType(drf.APIException):
    """Names the media types to send, not the one that was sent."""

    status_code = 415
    default_code = "unsupported_media_type"

    def __init__(self, *media_types: str) -> None:
        super().__init__(f"Send the body with Content-Type: {' or '.join(media_types)}.")


class UnsupportedContentEncoding(drf.APIException):
    status_code = 415
    default_code = "unsupported_media_type"
    default_detail = "Send the body as it is, without a Content-Encoding."
    headers: ClassVar = {"Accept-Encoding": "identity"}  # RFC 9110 §12.5.3


class CSRFFailed(drf.PermissionDenied):
    """A request that a browser may have sent in its user's name. The subclasses are the reasons."""

    default_code = "csrf_failed"
    log_reason: ClassVar[str]


class InvalidHost(drf.APIException):
    status_code = 400
    default_code = "invalid_host"
    default_detail = "This service does not answer for that host."


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the response to an exception in a DRF view; `None` for a bug (`EXCEPTION_HANDLER`)."""
    from rest_framework.views import set_rollback  # noqa: PLC0415  # it imports authenticators

    error = _to_error(exception)
    if error is None:
        return None
    response = Response(error.body, status=error.status, headers=dict(error.headers))
    response.error = error
    set_rollback()  # of `ATOMIC_REQUESTS`, as DRF's own handler does
    return response


def error_response(exception: drf.APIException | AccountError) -> HttpResponse:
    """Return the response to an exception outside of DRF's views."""
    return _render(cast(ErrorResponse, _to_error(exception)))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the response to a request that Django finds suspicious (`handler400`)."""
    if isinstance(exception, DisallowedHost):
        return error_response(InvalidHost())
    return error_response(drf.ParseError())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the response to Django's `PermissionDenied` (`handler403`)."""
    return error_response(drf.PermissionDenied())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the response to an unknown path (`handler404`)."""
    path = request.path_info
    has_slash = path.endswith("/")
    if is_valid_path(path[:-1] if has_slash else f"{path}/"):
        change = "without the slash" if has_slash else "with a slash"
        return error_response(drf.NotFound(f"Not found. The path exists {change} at its end."))
    return error_response(drf.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the response to a bug (`handler500`), with the ID under which Django has logged it."""
    extra = {"request_id": getattr(request, "request_id", None)}
    return _render(
        ErrorResponse(500, "server_error", "Something went wrong on our side.", extra=extra)
    )


def _render(error: ErrorResponse) -> HttpResponse:
    response = HttpResponse(
        JSONRenderer().render(error.body),
        content_type=JSONRenderer.media_type,
        status=error.status,
        headers=dict(error.headers),
    )
    response.error = error  # type: ignore[attr-defined]  # as on `accounts.rest.responses.Response`
    return response


def _to_error(exception: Exception) -> ErrorResponse | None:
    match exception:
        case InvalidField():
            detail = drf.ErrorDetail(exception.detail, exception.code)
            return _from_validation({exception.field: [detail]})
        case drf.ValidationError(status_code=400):
            return _from_validation(exception.detail)
        case InvalidBearerToken():
            reason = f'error="invalid_token", error_description="{exception.detail}"'
            return _from_account_error(
                401, exception.error, {"WWW-Authenticate": f"{CHALLENGE}, {reason}"}
            )
        case InvalidCredentials() | TokenError():
            return _from_account_error(401, exception, {"WWW-Authenticate": CHALLENGE})
        case ServiceUnavailable():
            return _from_account_error(503, exception, {"Retry-After": str(exception.retry_after)})
        case drf.APIException():
            return _from_drf(exception)
        case PermissionDenied():
            return _from_drf(drf.PermissionDenied())
        case Http404() | UnknownSession():
            return _from_drf(drf.NotFound())
        case UnreadablePostError():  # The client disconnected before it had sent the whole body.
            return _from_drf(drf.ParseError())
    return None


def _from_account_error(
    status: int, error: AccountError, headers: Mapping[str, str]
) -> ErrorResponse:
    return ErrorResponse(
        status,
        error.code,
        error.detail,
        headers,
        token_reason=error.reason if isinstance(error, TokenError) else None,
        log_reason=error.log_reason if isinstance(error, TokenError) else None,
    )


def _from_validation(detail: Any) -> ErrorResponse:
    errors = _flatten(detail)
    codes = {item["code"] for items in errors.values() for item in items}
    if codes & UNPROCESSABLE_CODES:
        status, code = 422, "unprocessable"
        summary = "The request body does not have the expected shape."
    else:
        status, code = 400, "invalid"
        summary = "The request has unacceptable values."
    return ErrorResponse(status, code, summary, extra={"errors": errors}, nested_errors=detail)


def _from_drf(exception: drf.APIException) -> ErrorResponse:
    status, detail, headers = exception.status_code, exception.detail, _get_headers(exception)
    if isinstance(detail, str):
        code = str(exception.get_codes() or exception.default_code)
        log_reason = getattr(exception, "log_reason", None)
        return ErrorResponse(status, code, str(detail), headers, log_reason=log_reason)
    return ErrorResponse(
        status,
        exception.default_code,
        str(exception.default_detail),
        headers,
        {"errors": _flatten(detail)},
        nested_errors=detail,
    )


def _get_headers(exception: drf.APIException) -> dict[str, str]:
    """Return the headers of DRF's own exception handler, and a challenge with every 401."""
    headers: dict[str, str] = {**getattr(exception, "headers", {})}
    if exception.status_code == HTTPStatus.UNAUTHORIZED:
        # DRF sets `auth_header`: the challenge of the view's first authenticator.
        headers["WWW-Authenticate"] = getattr(exception, "auth_header", CHALLENGE)
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(wait)
    return headers


def _flatten(detail: Any) -> dict[str, list[dict[str, str]]]:
    """Return DRF's nested details by dotted name: `tags.0`, `address.street`."""
    errors: dict[str, list[dict[str, str]]] = {}
    for name, item in _iter_leaves(detail, ""):
        code = getattr(item, "code", None) or drf.ValidationError.default_code
        entry = {"detail": str(item), "code": str(code)}
        errors.setdefault(name or str(api_settings.NON_FIELD_ERRORS_KEY), []).append(entry)
    return errors


def _iter_leaves(detail: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(detail, list):
        # A text in a list is about the whole list; anything else is about the item at its index.
        yield from ((name, item) for item in detail if isinstance(item, str))
        detail = {index: item for index, item in enumerate(detail) if not isinstance(item, str)}
    if not isinstance(detail, Mapping):
        yield name, detail
        return
    for key, value in detail.items():
        yield from _iter_leaves(value, f"{name}.{key}" if name else str(key))
