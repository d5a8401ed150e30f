"""Serializers that only describe responses; nothing is validated by them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

Shape = serializers.Serializer[Any]


@extend_schema_field({"type": "string", "const": "bearer"})
class Bearer(serializers.CharField): ...


@extend_schema_field({"type": "string", "const": "ok"})
class Ok(serializers.CharField): ...


class Registered(Shape):
    message = serializers.CharField()
    email = serializers.CharField(help_text="The normalized address.")


class Access(Shape):
    access_token = serializers.CharField(help_text="A JWT, for `Authorization: Bearer`.")
    token_type = Bearer()
    expires_in = serializers.IntegerField(
        min_value=1, help_text="Seconds until the access token expires."
    )


class Tokens(Access):
    refresh_token = serializers.CharField(help_text="A JWT, for refresh and logout.")


class Refreshed(Access):
    refresh_token = serializers.CharField(
        required=False,
        help_text="Replaces the one that was sent, if refresh tokens rotate.",
    )


class Profile(Shape):
    email = serializers.CharField()
    message = serializers.CharField()


class Health(Shape):
    status = Ok()
    version = serializers.CharField()
    store = serializers.CharField(help_text="The type of the store, such as `memory`.")


class Ready(Shape):
    status = Ok()


class FieldError(Shape):
    detail = serializers.CharField(help_text="A sentence for people.")
    code = serializers.CharField(help_text="For programs.")


@extend_schema_serializer(component_name="Error")
class ErrorBody(Shape):
    """The body of every error."""

    detail = serializers.CharField(help_text="A sentence for people.")
    code = serializers.CharField(help_text="For programs; the examples have all codes.")
    errors = serializers.DictField(  # type: ignore[assignment]  # DRF removes fields from the class
        child=FieldError(many=True), required=False, help_text="The errors of each field."
    )
    request_id = serializers.CharField(
        required=False, help_text="Only with 500: the log has the traceback under this ID."
    )
