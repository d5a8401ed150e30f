"""Descriptions that drf-spectacular finds by the dotted path in `target_class`."""

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
    OpenApiViewExtension,
)
from drf_spectacular.utils import extend_schema_view

from accounts.passwords.policy import MAX_LENGTH, MIN_LENGTH
from authproject.openapi.operations import OPERATIONS, Decorator

Object = dict[str, Any]


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.JWTAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> Object:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` of a login, a refresh or a change of password.",
        }


class FieldExtension(OpenApiSerializerFieldExtension):
    """A field with a component of its own, named after this class."""

    schema: Object

    def get_name(self) -> str:
        return type(self).__name__

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Object:
        return self.schema


class Email(FieldExtension):
    target_class = "accounts.serializers.EmailField"
    schema = {
        "type": "string",
        "format": "idn-email",
        "description": "Case and surrounding whitespace are ignored.",
    }


class NewEmail(FieldExtension):
    target_class = "accounts.serializers.NewEmailField"
    schema = {**Email.schema, "description": "An address that no account has, in any spelling."}


class Password(FieldExtension):
    target_class = "accounts.serializers.PasswordField"
    schema = {"type": "string", "format": "password"}


class NewPassword(FieldExtension):
    target_class = "accounts.serializers.NewPasswordField"
    schema = {
        **Password.schema,
        "minLength": MIN_LENGTH,
        "maxLength": MAX_LENGTH,
        "description": "Never trimmed. Its length is counted in code points, after NFKC.",
    }


class ViewExtension(OpenApiViewExtension):
    """Describes a subclass of the view, so that the view itself is not changed."""

    operations: dict[str, Decorator]

    def view_replacement(self) -> Any:
        view: Any = self.target_class
        described = type(view.__name__, (view,), {})
        return extend_schema_view(**self.operations)(described)


for path, operations in OPERATIONS.items():
    # drf-spectacular registers every subclass.
    type("DescribedView", (ViewExtension,), {"target_class": path, "operations": operations})
