"""What drf-spectacular cannot see in our classes; it finds these by the names in `target_class`.

Views are described in a subclass made for the occasion, so that nothing is laid on the real ones.
"""

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
    OpenApiViewExtension,
)
from drf_spectacular.utils import extend_schema_view

from accounts.passwords.policy import MAX_LENGTH, MIN_LENGTH
from authproject.openapi import accounts, operations
from authproject.openapi.describe import Decorator

Object = dict[str, Any]


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.JWTAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> Object:
        description = "The `access_token` of a login, a refresh or a change of password."
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": description,
        }


class _Field(OpenApiSerializerFieldExtension):
    """A field as a component: drf-spectacular would add to a mere schema that it may be empty."""

    component: str
    schema: Object

    def get_name(self) -> str:
        return self.component

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Object:
        return self.schema


class Email(_Field):
    target_class = "accounts.serializers.EmailField"
    component = "Email"
    schema = {
        "type": "string",
        "format": "idn-email",
        "description": "White space around it and the case of its letters do not matter.",
    }


class NewEmail(_Field):
    target_class = "accounts.serializers.NewEmailField"
    component = "NewEmail"
    schema = {**Email.schema, "description": "One that no account has, in any spelling."}


class Password(_Field):
    target_class = "accounts.serializers.PasswordField"
    component = "Password"
    schema = {"type": "string", "format": "password"}


class NewPassword(_Field):
    target_class = "accounts.serializers.NewPasswordField"
    component = "NewPassword"
    schema = {
        "type": "string",
        "format": "password",
        "minLength": MIN_LENGTH,
        "maxLength": MAX_LENGTH,
        "description": "Never trimmed; its length is counted in code points after NFKC.",
    }


class _Described(OpenApiViewExtension):
    """A view and the operations of its methods."""

    operations: dict[str, Decorator]

    def view_replacement(self) -> Any:
        view: Any = self.target_class
        described = type(view.__name__, (view,), {})
        return extend_schema_view(**self.operations)(described)


class Auth(_Described):
    target_class = "accounts.viewsets.AuthViewSet"
    operations = accounts.AUTH


class Protected(_Described):
    target_class = "accounts.viewsets.ProtectedViewSet"
    operations = {"profile": accounts.PROFILE}


class Root(_Described):
    target_class = "authproject.views.APIRootView"
    operations = {"get": operations.ROOT}


class Health(_Described):
    target_class = "authproject.monitoring.health.LivenessView"
    operations = {"get": operations.HEALTH}


class Ready(_Described):
    target_class = "authproject.monitoring.health.ReadinessView"
    operations = {"get": operations.READY}


class Metrics(_Described):
    target_class = "authproject.monitoring.health.MetricsView"
    operations = {"get": operations.METRICS}


class OpenAPI(_Described):
    target_class = "authproject.openapi.views.OpenAPIView"
    operations = {"get": operations.OPENAPI}


class Docs(_Described):
    target_class = "authproject.openapi.views.SwaggerView"
    operations = {"get": operations.DOCS}


class ReDoc(_Described):
    target_class = "authproject.openapi.views.ReDocView"
    operations = {"get": operations.REDOC}
