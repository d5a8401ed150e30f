"""Describes views to drf-spectacular (`DEFAULT_SCHEMA_CLASS`)."""

import re
from http import HTTPStatus
from typing import Any

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema_field,
)

from accounts import serializers
from accounts.passwords.policy import MAX_LENGTH, MIN_LENGTH
from authproject.monitoring.middleware import PRIVATE_PATHS
from authproject.openapi.errors import build_error_responses, get_errors
from authproject.openapi.operations import OPERATIONS, Operation

FIELD_SCHEMAS: dict[type, dict[str, Any]] = {
    serializers.EmailField: {
        "type": "string",
        "format": "idn-email",
        "description": "Case and surrounding whitespace are ignored.",
    },
    serializers.PasswordField: {"type": "string", "format": "password"},
    serializers.NewPasswordField: {
        "type": "string",
        "format": "password",
        "minLength": MIN_LENGTH,
        "maxLength": MAX_LENGTH,
        "description": "Never trimmed. Its length is counted in code points, as sent and again "
        "after NFKC: both must be within the bounds.",
    },
}
for field, field_schema in FIELD_SCHEMAS.items():
    extend_schema_field(field_schema)(field)


class BearerScheme(SimpleJWTScheme):
    target_class = "accounts.authentication.JWTAuthentication"
    name = "bearer"


def build_header(name: str, description: str, **options: Any) -> OpenApiParameter:
    """Return a header that is in every response, or in those with the statuses `response`."""
    options = {"type": str, "response": True, **options}
    return OpenApiParameter(
        name, location=OpenApiParameter.HEADER, required=True, description=description, **options
    )


HEADERS = [
    build_header(
        "X-Request-ID",
        "Identifies the request in the log: the client's own value if it is valid, else a new one.",
        pattern="^[A-Za-z0-9._-]{1,128}$",
    ),
    build_header("X-Content-Type-Options", "Browsers must not guess the type.", enum=["nosniff"]),
    build_header("Allow", "The allowed methods, such as `POST, OPTIONS`.", response=[405]),
    build_header(
        "WWW-Authenticate",
        "RFC 6750 §3. Has `error` only if the token in `Authorization` is invalid.",
        pattern='^Bearer realm="api"',
        response=[401],
    ),
    build_header("Retry-After", "Seconds to wait before a retry.", type=int, response=[503]),
]
NO_STORE = build_header("Cache-Control", "The response must not be cached.", enum=["no-store"])


class Schema(AutoSchema):
    """Adds the table of operations to what drf-spectacular can see.

    A view outside the table is described by drf-spectacular only.
    """

    @property
    def operation(self) -> Operation:
        return OPERATIONS.get(self.path, Operation())

    def get_operation_id(self) -> str:
        last = re.search(r"(\w+)(\.json)?$", self.path) if self.path in OPERATIONS else None
        return self.operation.name or (last[1] if last else super().get_operation_id())

    def get_summary(self) -> str | None:
        return self.operation.summary

    def get_description(self) -> str:  # type: ignore[override]  # DRF's base has another signature
        return self.operation.description or super().get_description()

    def get_tags(self) -> list[str]:
        match = re.match(r"/api/v1/(\w+)", self.path)
        return [match[1] if match else "operations"]

    def get_override_parameters(self) -> list[Any]:
        return [*HEADERS, NO_STORE] if self.path.startswith(PRIVATE_PATHS) else HEADERS

    def get_examples(self) -> list[OpenApiExample]:
        example = self.operation.request_example
        return [OpenApiExample("usual", example, request_only=True)] if example else []

    def get_response_serializers(self) -> Any:
        if self.path not in OPERATIONS:
            return super().get_response_serializers()
        operation = self.operation
        example = getattr(operation.response, "data", operation.example)
        success = OpenApiResponse(
            operation.response,
            HTTPStatus(operation.status).phrase,
            [OpenApiExample("usual", example)],
        )
        errors = [*get_errors(self.path, self.view), *operation.errors]
        return {(operation.status, operation.media_type): success, **build_error_responses(errors)}
