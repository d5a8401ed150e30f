"""Describes views to drf-spectacular (`DEFAULT_SCHEMA_CLASS`)."""

import re
from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_field

from accounts import serializers
from accounts.conf import conf
from accounts.passwords.policy import MAX_LENGTH, MIN_LENGTH
from authproject.monitoring.middleware import PRIVATE_PATHS
from authproject.openapi.errors import (
    Object,
    build_schema,
    get_description,
    get_errors,
    get_examples,
    get_shared_name,
    get_status_name,
    get_value_errors,
    has_project_fields,
)
from authproject.openapi.operations import LINKS, OPERATIONS, Operation
from authproject.openapi.refresh_cookie import (
    SCHEME,
    describe_cookie,
    get_cookie_errors,
    get_cookie_response,
)
from authproject.openapi.response_serializers import ApiError, FieldError

FIELD_SCHEMAS: dict[type, dict[str, Any]] = {
    serializers.EmailField: {
        "type": "string",
        "format": "idn-email",
        "description": "Case and surrounding whitespace are ignored.",
    },
    serializers.RememberField: {
        "type": "boolean",
        "description": "`false` starts a session of `REFRESH_TOKEN_SHORT_DAYS`. By default `true`.",
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


def build_header(description: str, **schema: Any) -> Object:
    return {"description": description, "required": True, "schema": {"type": "string", **schema}}


HEADERS = {
    "X-Request-ID": build_header(
        "Identifies the request in the log: the client's own value if it is valid, else a new one.",
        pattern="^[A-Za-z0-9._-]{1,128}$",
    ),
    "X-Content-Type-Options": build_header("Browsers must not guess the type.", enum=["nosniff"]),
    "Cache-Control": build_header("The response must not be cached.", enum=["no-store"]),
    "Remote-User": build_header(
        "The user's e-mail address. `%` and all non-ASCII characters are percent-encoded, in UTF-8."
    ),
    "Allow": build_header("The allowed methods, such as `POST, OPTIONS`."),
    "WWW-Authenticate": build_header(
        "RFC 6750 §3. Has `error` only if the token in `Authorization` is invalid.",
        pattern='^Bearer realm="api"',
    ),
    "Retry-After": build_header("Seconds to wait before a retry.", type="integer"),
}
STATUS_HEADERS = {"401": ["WWW-Authenticate"], "405": ["Allow"], "503": ["Retry-After"]}


class Schema(AutoSchema):
    """Adds the table of operations to what drf-spectacular can see.

    A view outside the table is described by drf-spectacular only.
    """

    @property
    def operation(self) -> Operation:
        default = OPERATIONS.get(self.path, Operation(""))
        return OPERATIONS.get(f"{self.method} {self.path}", default)

    def get_operation(self, *args: Any) -> Object | None:
        """Add what drf-spectacular has no option for: links, and references to components."""
        described: Object | None = super().get_operation(*args)
        if described is None:
            return None
        if described.get("security") == [{}]:
            described["security"] = []
        responses = described["responses"]
        for status, response in responses.items():
            response["headers"] = self._get_headers(status)
        if self.path in OPERATIONS:
            if links := self.operation.links:
                links_by_name = {name: {"operationId": name, **LINKS[name]} for name in links}
                responses[str(self.operation.status)]["links"] = links_by_name
            if conf.REFRESH_TOKEN_COOKIE:
                self._add("securitySchemes", "refreshCookie", SCHEME)
                describe_cookie(self.operation.name, described)
            responses.update(self._get_error_responses())
        return described

    def _get_error_responses(self) -> Object:
        for base in (ApiError, FieldError):
            self.resolve_serializer(base, "response")
        errors = [*get_errors(self.path, self.view, self.method), *self.operation.errors]
        if conf.REFRESH_TOKEN_COOKIE:
            errors += get_cookie_errors(self.operation.name)
        return {
            str(status): self._get_error_response(status, examples)
            for status, examples in get_examples(errors).items()
        }

    def _get_error_response(self, status: int, examples: Object) -> Object:
        schema = build_schema(
            examples.values(),
            get_value_errors(self.view),
            has_other_errors=has_project_fields(self.view),
        )
        shared_name = get_shared_name(schema)
        reference = self._add("schemas", shared_name or self._get_own_name(status), schema)
        content = {
            "schema": reference,
            "examples": {name: {"value": body} for name, body in examples.items()},
        }
        response = {
            "description": get_description(status),
            "headers": self._get_headers(str(status)),
            "content": {"application/json": content},
        }
        if not shared_name:
            return response
        # Private ones have one header more.
        return self._add("responses", f"{'Private' * self._is_private()}{shared_name}", response)

    def _get_own_name(self, status: int) -> str:
        name = self.operation.name
        return name[0].upper() + name[1:] + get_status_name(status)

    def _get_headers(self, status: str) -> Object:
        private = ("Cache-Control",) if self._is_private() else ()
        names = (
            "X-Request-ID",
            "X-Content-Type-Options",
            *private,
            *STATUS_HEADERS.get(status, ()),
            *(self.operation.headers if status == str(self.operation.status) else ()),
        )
        return {name: self._add("headers", name, HEADERS[name]) for name in names}

    def _is_private(self) -> bool:
        return self.path.startswith(PRIVATE_PATHS)

    def _add(self, kind: str, name: str, schema: Object) -> Object:
        """Add a component, and return the reference to it."""
        component = ResolvedComponent(name, kind, schema, object=name)
        self.registry.register_on_missing(component)
        return {"$ref": f"#/components/{kind}/{name}"}

    def get_operation_id(self) -> str:
        return self.operation.name or super().get_operation_id()

    def get_summary(self) -> str | None:
        return self.operation.summary

    def get_description(self) -> str:  # type: ignore[override]  # DRF's base has another signature
        return self.operation.description or super().get_description()

    def get_tags(self) -> list[str]:
        match = re.match(r"/api/v1/(\w+)", self.path)
        return [match[1] if match else "service"]

    def get_examples(self) -> list[OpenApiExample]:
        example = self.operation.request_example
        return [OpenApiExample("usual", example, request_only=True)] if example else []

    def get_response_serializers(self) -> Any:
        if self.path not in OPERATIONS:
            return super().get_response_serializers()
        operation = self.operation
        response = operation.response
        if conf.REFRESH_TOKEN_COOKIE:
            response = get_cookie_response(operation.name) or response
        example = getattr(response, "data", operation.example)
        success = OpenApiResponse(
            response,
            HTTPStatus(operation.status).phrase,
            [OpenApiExample("usual", example)],
        )
        return {(operation.status, operation.media_type): success}
