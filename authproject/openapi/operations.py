"""The description of every endpoint: its request, its responses and its errors."""

from collections.abc import Callable, Iterable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from accounts import serializers
from accounts.domain.errors import (
    DuplicateEmail,
    InvalidCredentials,
    InvalidEmail,
    TokenReused,
    WrongCurrentPassword,
)
from authproject import __version__
from authproject.openapi import errors
from authproject.openapi import response_serializers as responses
from authproject.openapi.errors import JSON, ResponseKey

Decorator = Callable[[Any], Any]


def success(
    serializer: Any, description: str, *examples: Any, status: int = 200, media_type: str = JSON
) -> dict[ResponseKey, OpenApiResponse]:
    """Describe a successful response. A second example is for rotating refresh tokens."""
    named = [
        OpenApiExample(name, example)
        for name, example in zip(("usual", "rotating"), examples, strict=False)
    ]
    return {(status, media_type): OpenApiResponse(serializer, description, named)}


NO_CONTENT = success(None, "Done. The response has no body.", status=204)


def describe_operation(
    name: str | None,
    summary: str,
    description: str,
    response: dict[ResponseKey, OpenApiResponse],
    *own_errors: Exception,
    tag: str = "auth",
    body: Any = None,
    example: Any = None,
    common_errors: Iterable[Exception] = errors.COMMON_ERRORS,
) -> Decorator:
    """Return the decorator that describes one operation; `body` is the request's serializer."""
    body_errors = errors.body_errors(body) if body else ()
    all_errors = [*body_errors, *own_errors, *common_errors]
    decorator: Decorator = extend_schema(
        operation_id=name,
        summary=summary,
        description=description,
        tags=[tag],
        request=body,
        examples=[OpenApiExample("usual", example, request_only=True)] if body else [],
        auth=None if set(errors.BEARER_ERRORS) & set(own_errors) else [],
        responses={**response, **errors.error_responses(all_errors)},
    )
    return decorator


def describe_page(
    name: str, summary: str, media_type: str, example: object, schema: object = str
) -> Decorator:
    """Describe an endpoint with one media type that a setting can disable."""
    return describe_operation(
        name,
        summary,
        "404 if it is disabled.",
        success(schema, "It is enabled.", example, media_type=media_type),
        tag="operations",
        common_errors=errors.SINGLE_MEDIA_TYPE_ERRORS,
    )


EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"  # noqa: S105  # an example
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
NEW_PASSWORD = {"current_password": PASSWORD, "new_password": "another horse, another battery"}
TOKEN = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhZGFAZXhhbXBsZS5jb20ifQ.c2lnbmF0dXJl"  # noqa: S105  # an example
REFRESH_TOKEN = {"refresh_token": TOKEN}
ACCESS_TOKEN = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 900}
TOKEN_PAIR = {**ACCESS_TOKEN, **REFRESH_TOKEN}
HTML = "text/html"
HTML_EXAMPLE = "<!doctype html>…"

AUTH = {
    "register": describe_operation(
        "register",
        "Create an account",
        "The e-mail address is normalized: other spellings are the same account. There is no "
        "session yet; log in next.",
        success(
            responses.Registered,
            "The account is created.",
            {"message": "User registered", "email": EMAIL},
            status=201,
        ),
        *errors.field_errors("email", InvalidEmail, DuplicateEmail),
        *errors.field_errors("password", *errors.PASSWORD_ERRORS),
        *errors.HASHING_ERRORS,
        body=serializers.RegisterSerializer,
        example=CREDENTIALS,
    ),
    "login": describe_operation(
        "login",
        "Exchange e-mail and password for tokens",
        "Starts a session. An unknown e-mail and a wrong password get the same response, after "
        "the same time.",
        success(responses.Tokens, "The session has started.", TOKEN_PAIR),
        *errors.field_errors("email", InvalidEmail),
        InvalidCredentials(),
        *errors.HASHING_ERRORS,
        body=serializers.LoginSerializer,
        example=CREDENTIALS,
    ),
    "refresh": describe_operation(
        "refresh",
        "Exchange a refresh token for an access token",
        "With `ROTATE_REFRESH_TOKENS`, the response has a new refresh token too, which replaces "
        "the one sent. Reuse of the old one after a short grace period ends the session.",
        success(responses.Refreshed, "A new access token.", ACCESS_TOKEN, TOKEN_PAIR),
        *errors.TOKEN_ERRORS,
        TokenReused(),
        *errors.STORE_ERRORS,
        body=serializers.RefreshTokenSerializer,
        example=REFRESH_TOKEN,
    ),
    "logout": describe_operation(
        "logout",
        "End a session",
        "Its access tokens are invalid at once. Any string is accepted (RFC 7009 §2.2).",
        NO_CONTENT,
        *errors.STORE_ERRORS,
        body=serializers.RefreshTokenSerializer,
        example=REFRESH_TOKEN,
    ),
    "logout_all": describe_operation(
        "logoutAll",
        "End every session of the user",
        "Includes the session of this request. A body is ignored.",
        NO_CONTENT,
        *errors.BEARER_ERRORS,
        *errors.STORE_ERRORS,
    ),
    "password": describe_operation(
        "changePassword",
        "Change the password",
        "Ends every session of the user and returns the tokens of a new one. A wrong current "
        "password is 400, because the token is valid.",
        success(responses.Tokens, "The password is changed.", TOKEN_PAIR),
        *errors.field_errors("new_password", *errors.PASSWORD_ERRORS),
        WrongCurrentPassword(),
        *errors.BEARER_ERRORS,
        *errors.HASHING_ERRORS,
        body=serializers.ChangePasswordSerializer,
        example=NEW_PASSWORD,
    ),
}
PROFILE = describe_operation(
    "profile",
    "Return the user of the token",
    "An example of a protected endpoint.",
    success(
        responses.Profile,
        "The token is valid.",
        {"email": EMAIL, "message": "This is protected data"},
    ),
    *errors.BEARER_ERRORS,
    *errors.STORE_ERRORS,
    tag="protected",
)
ROOT = describe_operation(
    None,
    "List every endpoint",
    "If the browsable API is enabled, browsers get an HTML page.",
    success(
        {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}},
        "The URL of every endpoint.",
        {"auth-login": "http://localhost:8000/api/v1/auth/login"},
    ),
    tag="operations",
)
HEALTH = describe_operation(
    "health",
    "Is the process alive?",
    "Does not query the store. The `Host` header is not checked.",
    success(
        responses.Health,
        "The process is alive.",
        {"status": "ok", "version": __version__, "store": "memory"},
    ),
    tag="operations",
    common_errors=errors.HEALTH_ERRORS,
)
READY = describe_operation(
    "ready",
    "Is the store available?",
    "The `Host` header is not checked.",
    success(responses.Ready, "The store is available.", {"status": "ok"}),
    *errors.STORE_ERRORS,
    tag="operations",
    common_errors=errors.HEALTH_ERRORS,
)
METRICS = describe_page(
    "metrics",
    "Metrics for Prometheus",
    "text/plain",
    'auth_requests_total{operation="login",outcome="success"} 3.0\n',
)
OPENAPI = describe_page(
    "openapi",
    "This document",
    JSON,
    {"openapi": "3.1.0", "info": {"title": "authproject", "version": __version__}, "paths": {}},
    {"type": "object"},
)
DOCS = describe_page("docs", "This document as a page: Swagger UI", HTML, HTML_EXAMPLE)
REDOC = describe_page("redoc", "This document as a page: ReDoc", HTML, HTML_EXAMPLE)

OPERATIONS: dict[str, dict[str, Decorator]] = {
    "accounts.viewsets.AuthViewSet": AUTH,
    "accounts.viewsets.ProtectedViewSet": {"profile": PROFILE},
    "authproject.views.APIRootView": {"get": ROOT},
    "authproject.monitoring.health.LivenessView": {"get": HEALTH},
    "authproject.monitoring.health.ReadinessView": {"get": READY},
    "authproject.monitoring.health.MetricsView": {"get": METRICS},
    "authproject.openapi.views.OpenAPIView": {"get": OPENAPI},
    "authproject.openapi.views.SwaggerView": {"get": DOCS},
    "authproject.openapi.views.ReDocView": {"get": REDOC},
}
"""The operations of each described view, by the names of its methods."""
