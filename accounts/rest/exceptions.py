"""Every failure in one JSON shape: `{"detail", "code"}`, and `errors` where a body is at fault."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.settings import api_settings

from accounts.authentication import InvalidBearerToken
from accounts.domain.errors import (
    AccountError,
    InvalidCredentials,
    InvalidField,
    ServerOverloaded,
    ServiceUnavailable,
    TokenError,
)
from accounts.rest.renderers import JSONRenderer
from accounts.rest.responses import Response

CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")

CHALLENGE = 'Bearer realm="api"'
UNAUTHORIZED = 401

UNPROCESSABLE_CODES = {"required", "null", "wrong_type"}
"""What is wrong with a body of the wrong shape (422); every other code is about a value (400)."""

ErrorList = list[dict[str, str]]


class PayloadTooLarge(drf.APIException):
    status_code = 413
    default_code = "payload_too_large"
    default_detail = "The request body is larger than 16 KiB."


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """An error response before it is rendered."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.detail, "code": self.code, **self.extra}

    @property
    def log_code(self) -> str | None:
        """The code for logs and metrics; none where an exception's detail is no plain text, whose
        codes repeat names that a client may have chosen."""
        return self.code if CODE.fullmatch(self.code) else None


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's hook (`EXCEPTION_HANDLER`); `None` leaves a bug to `server_error`."""
    problem = _describe(error)
    if problem is None:
        return None
    response = Response(problem.body, status=problem.status, headers=dict(problem.headers))
    response.error_code = problem.log_code
    response.token_error = _token_error(error)
    response.errors = problem.extra.get("errors", {})
    return response


def _token_error(error: Exception) -> TokenError | None:
    refused = error.error if isinstance(error, InvalidBearerToken) else error
    return refused if isinstance(refused, TokenError) else None


def problem_response(error: drf.APIException) -> HttpResponse:
    """Answer outside DRF with what `error` says."""
    return _json(_from_drf(error))


def overloaded() -> HttpResponse:
    """Answer outside DRF that no thread is in sight, whatever holds them all."""
    return _json(_unavailable(ServerOverloaded()))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`: what Django found suspicious."""
    if isinstance(exception, DisallowedHost):
        return _json(
            ErrorResponse(400, "invalid_host", "This service does not answer for that host.")
        )
    return _json(ErrorResponse(400, "parse_error", "The request is malformed."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    return problem_response(drf.PermissionDenied())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`."""
    return problem_response(drf.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: a bug. Django has logged its traceback; the client gets the name to quote."""
    name = {"request_id": getattr(request, "request_id", None)}
    return _json(
        ErrorResponse(500, "server_error", "Something went wrong on our side.", extra=name)
    )


def _json(problem: ErrorResponse) -> HttpResponse:
    response = HttpResponse(
        JSONRenderer().render(problem.body),
        content_type=JSONRenderer.media_type,
        status=problem.status,
        headers=dict(problem.headers),
    )
    response.data = problem.body  # type: ignore[attr-defined]  # as DRF's responses have it
    response.error_code = problem.log_code  # type: ignore[attr-defined]  # as ours have it
    return response


def _describe(error: Exception) -> ErrorResponse | None:
    match error:
        case InvalidField():
            return _unacceptable({error.field: [_entry(error)]})
        case InvalidCredentials() | TokenError():
            return _problem(401, error, {"WWW-Authenticate": CHALLENGE})
        case ServiceUnavailable():
            return _unavailable(error)
        case drf.ValidationError(status_code=400):
            return _invalid_body(error)
        case InvalidBearerToken():
            reason = f'error="invalid_token", error_description="{error.detail}"'
            return _from_drf(error, {"WWW-Authenticate": f"{CHALLENGE}, {reason}"})
        case drf.APIException():
            return _from_drf(error)
        case Http404():
            return _from_drf(drf.NotFound())
        case UnreadablePostError():  # The client went away before its body had come.
            return _from_drf(drf.ParseError())
    return None


def _unavailable(error: ServiceUnavailable) -> ErrorResponse:
    return _problem(503, error, {"Retry-After": str(error.retry_after)})


def _problem(status: int, error: AccountError, headers: Mapping[str, str]) -> ErrorResponse:
    return ErrorResponse(status, error.code, error.detail, headers)


def _from_drf(error: drf.APIException, headers: Mapping[str, str] | None = None) -> ErrorResponse:
    headers = {**_headers(error), **(headers or {})}
    if isinstance(error.detail, str):
        code = str(error.get_codes() or error.default_code)
        return ErrorResponse(error.status_code, code, str(error.detail), headers)
    detail, errors = str(error.default_detail), _errors(error.detail)
    return ErrorResponse(error.status_code, error.default_code, detail, headers, {"errors": errors})


def _headers(error: drf.APIException) -> dict[str, str]:
    """Return what DRF's own handler would send, and a challenge with every 401."""
    headers = {"WWW-Authenticate": CHALLENGE} if error.status_code == UNAUTHORIZED else {}
    if challenge := getattr(error, "auth_header", None):  # of the view's first authenticator
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(wait)
    return headers


def _invalid_body(error: drf.ValidationError) -> ErrorResponse:
    errors = _errors(error.detail)
    codes = {item["code"] for items in errors.values() for item in items}
    if codes & UNPROCESSABLE_CODES:
        detail = "The request body does not have the expected shape."
        return ErrorResponse(422, "unprocessable", detail, extra={"errors": errors})
    return _unacceptable(errors)


def _errors(details: Any) -> dict[str, ErrorList]:
    """Return DRF's details, however nested, by field: `tags.0`, `address.street`."""
    errors: dict[str, ErrorList] = {}
    for name, item in _leaves(details, ""):
        code = getattr(item, "code", None) or drf.ValidationError.default_code
        entry = {"detail": str(item), "code": str(code)}
        errors.setdefault(name or str(api_settings.NON_FIELD_ERRORS_KEY), []).append(entry)
    return errors


def _leaves(details: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(details, list):
        # A text in a list is about the whole of it; anything else is about the item at its place.
        yield from ((name, item) for item in details if isinstance(item, str))
        details = {at: item for at, item in enumerate(details) if not isinstance(item, str)}
    if not isinstance(details, Mapping):
        yield name, details
        return
    for key, value in details.items():
        yield from _leaves(value, f"{name}.{key}" if name else str(key))


def _unacceptable(errors: Mapping[str, ErrorList]) -> ErrorResponse:
    return ErrorResponse(
        400, "invalid", "The request has unacceptable values.", extra={"errors": errors}
    )


def _entry(error: InvalidField) -> dict[str, str]:
    return {"detail": error.detail, "code": error.code}
