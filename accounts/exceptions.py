"""Every failure in one JSON shape: `{"detail", "code"}`, and `errors` where a body is at fault."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.core.exceptions import DisallowedHost
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework import exceptions as drf

from accounts.authentication import BearerTokenRejected
from accounts.core.errors import (
    AccountError,
    InvalidCredentials,
    InvalidField,
    ServiceUnavailable,
    TokenError,
    TooManyWaiting,
)
from accounts.renderers import JSONRenderer
from accounts.responses import Response

CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")

CHALLENGE = 'Bearer realm="api"'

SHAPE_CODES = {"required", "null", "wrong_type"}
"""What is wrong with a body of the wrong shape (422); every other code is about a value (400)."""

ErrorList = list[dict[str, str]]


class PayloadTooLarge(drf.APIException):
    status_code = 413
    default_code = "payload_too_large"
    default_detail = "The request body is larger than 16 KiB."


@dataclass(frozen=True, slots=True)
class Problem:
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
    def name(self) -> str | None:
        """The code for logs and metrics; none where an exception's detail is no plain text, whose
        codes repeat names that a client may have chosen."""
        return self.code if CODE.fullmatch(self.code) else None


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's hook (`EXCEPTION_HANDLER`); `None` leaves a bug to `server_error`."""
    problem = _describe(error)
    if problem is None:
        return None
    response = Response(problem.body, status=problem.status, headers=dict(problem.headers))
    response.error_code = problem.name
    response.token_error = _token_error(error)
    return response


def _token_error(error: Exception) -> TokenError | None:
    refused = error.error if isinstance(error, BearerTokenRejected) else error
    return refused if isinstance(refused, TokenError) else None


def problem_response(error: drf.APIException) -> HttpResponse:
    """Answer outside DRF with what `error` says."""
    return _json(_from_drf(error))


def overloaded() -> HttpResponse:
    """Answer outside DRF that no thread is in sight, whatever holds them all."""
    return _json(_unavailable(TooManyWaiting()))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`: what Django found suspicious."""
    if isinstance(exception, DisallowedHost):
        return _json(Problem(400, "invalid_host", "This service does not answer for that host."))
    return _json(Problem(400, "parse_error", "The request is malformed."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    return problem_response(drf.PermissionDenied())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`."""
    return problem_response(drf.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: a bug. Django has logged its traceback; the client gets the name to quote."""
    name = {"request_id": getattr(request, "request_id", None)}
    return _json(Problem(500, "server_error", "Something went wrong on our side.", extra=name))


def _json(problem: Problem) -> HttpResponse:
    response = HttpResponse(
        JSONRenderer().render(problem.body),
        content_type=JSONRenderer.media_type,
        status=problem.status,
        headers=dict(problem.headers),
    )
    response.data = problem.body  # type: ignore[attr-defined]  # as DRF's responses have it
    response.error_code = problem.name  # type: ignore[attr-defined]  # as ours have it
    return response


def _describe(error: Exception) -> Problem | None:
    match error:
        case InvalidField():
            return _unacceptable({error.field: [_entry(error)]})
        case InvalidCredentials() | TokenError():
            return _problem(401, error, {"WWW-Authenticate": CHALLENGE})
        case ServiceUnavailable():
            return _unavailable(error)
        case drf.ValidationError():
            return _invalid_body(error)
        case BearerTokenRejected():
            reason = f'error="invalid_token", error_description="{error.detail}"'
            return _from_drf(error, {"WWW-Authenticate": f"{CHALLENGE}, {reason}"})
        case drf.NotAuthenticated():
            return _from_drf(error, {"WWW-Authenticate": CHALLENGE})
        case drf.APIException():
            return _from_drf(error)
        case Http404():
            return _from_drf(drf.NotFound())
        case UnreadablePostError():  # The client went away before its body had come.
            return _from_drf(drf.ParseError())
    return None


def _unavailable(error: ServiceUnavailable) -> Problem:
    return _problem(503, error, {"Retry-After": str(error.retry_after)})


def _problem(status: int, error: AccountError, headers: Mapping[str, str]) -> Problem:
    return Problem(status, error.code, error.detail, headers)


def _from_drf(error: drf.APIException, headers: Mapping[str, str] | None = None) -> Problem:
    return Problem(error.status_code, str(error.get_codes()), str(error.detail), headers or {})


def _invalid_body(error: drf.ValidationError) -> Problem:
    details = cast(dict[str, list[drf.ErrorDetail]], error.detail)  # of a flat serializer
    errors = {
        name: [{"detail": str(item), "code": str(item.code)} for item in items]
        for name, items in details.items()
    }
    codes = {item["code"] for items in errors.values() for item in items}
    if codes & SHAPE_CODES:
        detail = "The request body does not have the expected shape."
        return Problem(422, "unprocessable", detail, extra={"errors": errors})
    return _unacceptable(errors)


def _unacceptable(errors: Mapping[str, ErrorList]) -> Problem:
    return Problem(400, "invalid", "The request has unacceptable values.", extra={"errors": errors})


def _entry(error: InvalidField) -> dict[str, str]:
    return {"detail": error.detail, "code": error.code}
