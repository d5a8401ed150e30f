"""What the OpenAPI document says about each endpoint, beyond what its view declares."""

from dataclasses import dataclass, replace
from typing import Any

from accounts.domain.errors import (
    InvalidCredentials,
    TokenReused,
    UnknownSession,
    WrongCurrentPassword,
)
from accounts.profiles import RegisterSerializer
from authproject.openapi import response_serializers as responses
from authproject.openapi.errors import TOKEN_ERRORS


@dataclass(frozen=True, slots=True)
class Operation:
    """The texts and the successful response of one endpoint."""

    name: str
    """The `operationId`."""
    summary: str | None = None
    description: str = ""
    response: Any = None
    """An instance of a response serializer, or the schema of the body."""
    status: int = 200
    media_type: str = "application/json"
    example: Any = None
    """An example of the body, if `response` is no serializer."""
    request_example: Any = None
    errors: tuple[Exception, ...] = ()
    """Errors that do not follow from what the view declares."""
    headers: tuple[str, ...] = ()
    """Headers of the successful response that not every response has."""
    links: tuple[str, ...] = ()
    """The operations that take something from the response: keys of `LINKS`."""


PASSWORD = "correct horse battery"  # noqa: S105  # an example
NEW_PASSWORD = "another horse, another battery"  # noqa: S105  # an example
CREDENTIALS = {"email": responses.EMAIL, "password": PASSWORD}


def build_registration() -> dict[str, Any] | None:
    """Return the example of a registration; `None` if a project's field has no `initial` value."""
    fields = RegisterSerializer().fields
    example = CREDENTIALS | {name: one.initial for name, one in fields.items() if one.initial}
    is_complete = all(name in example for name, field in fields.items() if field.required)
    return example if is_complete else None


PROFILE = responses.build_profile()
REFRESH_TOKEN = {"refresh_token": responses.TOKEN}
PAGE = Operation("", response=str, media_type="text/html", example="<!doctype html>…")
ROOT = Operation(
    "",
    summary="List every endpoint",
    description="If the browsable API is enabled, browsers get an HTML page.",
    response={"type": "object", "additionalProperties": {"type": "string", "format": "uri"}},
    example={"auth-login": "http://localhost:8000/api/v1/auth/login"},
)

WITH_ACCESS_TOKEN = (
    "getProfile",
    "logoutAll",
    "changePassword",
    "deleteAccount",
    "listSessions",
    "verifyAccessToken",
)
AUTHORIZATION = {"header.Authorization": "Bearer {$response.body#/access_token}"}
BODY = {"refresh_token": "$response.body#/refresh_token"}
LINKS: dict[str, dict[str, Any]] = {
    "login": {"requestBody": "$request.body"},
    "refresh": {"requestBody": BODY},
    "logout": {"requestBody": BODY},
    "revokeSession": {"parameters": {"path.id": "$response.body#/sessions/0/id"}},
    **{name: {"parameters": AUTHORIZATION} for name in WITH_ACCESS_TOKEN},
}
"""What an operation takes from an earlier request or its response, by `operationId`."""

OPERATIONS = {
    "/api/v1/auth/register": Operation(
        "register",
        "Create an account",
        "Other spellings of the e-mail address are the same account. There is no session yet.",
        responses.Registered(),
        status=201,
        request_example=build_registration(),
        links=("login",),
    ),
    "/api/v1/auth/login": Operation(
        "login",
        "Exchange e-mail and password for tokens",
        "Starts a session. An unknown e-mail and a wrong password get the same response.",
        responses.Tokens(),
        request_example=CREDENTIALS,
        errors=(InvalidCredentials(),),
        links=("refresh", "logout", *WITH_ACCESS_TOKEN),
    ),
    "/api/v1/auth/refresh": Operation(
        "refresh",
        "Exchange a refresh token for an access token",
        "With `ROTATE_REFRESH_TOKENS`, the response has a new refresh token too, which replaces "
        "the one sent. Reuse of the old one after a short grace period ends the session.",
        responses.Refreshed(),
        request_example=REFRESH_TOKEN,
        errors=(*TOKEN_ERRORS, TokenReused()),
        links=WITH_ACCESS_TOKEN,
    ),
    "/api/v1/auth/logout": Operation(
        "logout",
        "End a session",
        "Its access tokens are invalid at once. Any string is accepted (RFC 7009 §2.2). An access "
        "token, expired or not, ends its session, too.",
        status=204,
        request_example=REFRESH_TOKEN,
    ),
    "/api/v1/auth/logout-all": Operation(
        "logoutAll",
        "End every session of the user",
        "Includes the session of this request. A body is ignored.",
        status=204,
    ),
    "/api/v1/auth/password": Operation(
        "changePassword",
        "Change the password",
        "Ends every session of the user and returns the tokens of a new one. A wrong current "
        "password is 400, because the token is valid.",
        responses.Tokens(),
        request_example={"current_password": PASSWORD, "new_password": NEW_PASSWORD},
        errors=(WrongCurrentPassword(),),
        links=("refresh", "logout", *WITH_ACCESS_TOKEN),
    ),
    "/api/v1/auth/delete-account": Operation(
        "deleteAccount",
        "Delete the account",
        "Its tokens are invalid at once, and its e-mail address can be registered again. A wrong "
        "current password is 400, because the token is valid.",
        status=204,
        request_example={"current_password": PASSWORD},
        errors=(WrongCurrentPassword(),),
    ),
    "/api/v1/auth/sessions": Operation(
        "listSessions",
        "List the user's sessions",
        "The newest login first. 404 unless `TRACK_SESSIONS` is enabled. Sessions from before that "
        "are not listed.",
        responses.Sessions(),
        links=("revokeSession",),
    ),
    "/api/v1/auth/sessions/{id}/revoke": Operation(
        "revokeSession",
        "End one session of the user",
        "It may be the session of this request. 404 if the user has no such session, and unless "
        "`TRACK_SESSIONS` is enabled. A body is ignored.",
        status=204,
        errors=(UnknownSession(),),
    ),
    "/api/v1/auth/verify": Operation(
        "verifyAccessToken",
        "Verify an access token for a proxy",
        "For nginx's `auth_request` and Traefik's `forwardAuth`. `Accept` is ignored.",
        status=204,
        headers=("Remote-User",),
    ),
    "/api/v1/protected/profile": Operation(
        "getProfile",
        "Return the user of the token",
        "An example of a protected endpoint.",
        PROFILE,
    ),
    "PATCH /api/v1/protected/profile": Operation(
        "updateProfile",
        "Change the fields that are sent",
        "A nested object is replaced as a whole. Read-only and unknown fields are ignored.",
        PROFILE,
    ),
    "/": replace(ROOT, name="listEndpoints"),
    "/api/v1": replace(ROOT, name="listApiEndpoints"),
    "/api/v1/": replace(ROOT, name="listApiEndpointsWithSlash"),
    "/health": Operation(
        "getHealth",
        "Is the process alive?",
        "Does not query the store. The `Host` header is not checked.",
        responses.Health(),
    ),
    "/health/ready": Operation(
        "getReadiness",
        "Is the store available?",
        "The `Host` header is not checked.",
        responses.Ready(),
    ),
    "/metrics": Operation(
        "getMetrics",
        "Metrics for Prometheus",
        "404 if it is disabled.",
        str,
        media_type="text/plain",
        example='auth_requests_total{operation="login",outcome="success"} 3.0\n',
    ),
    "/openapi.json": Operation(
        "getOpenApi",
        "This document",
        response={"type": "object"},
        example={"openapi": "3.1.0", "info": {"title": "authproject"}, "paths": {}},
    ),
    "/docs": replace(PAGE, name="getSwaggerUi", summary="This document as a page: Swagger UI"),
    "/redoc": replace(PAGE, name="getRedoc", summary="This document as a page: ReDoc"),
}
"""The operation at each path, or of one method there.

Without a description, the view's docstring is taken.
"""


def get_position(endpoint: tuple[str, ...]) -> int:
    """Return an endpoint's position in the document; paths that `OPERATIONS` lacks come last."""
    paths = list(OPERATIONS)
    return paths.index(endpoint[0]) if endpoint[0] in paths else len(paths)
