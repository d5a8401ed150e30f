"""The shapes of answers: nothing is validated by these, they are only described."""

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
    email = serializers.CharField(help_text="Normalised: an account has one spelling.")


class Access(Shape):
    access_token = serializers.CharField(help_text="A JWT, for `Authorization: Bearer`.")
    token_type = Bearer()
    expires_in = serializers.IntegerField(min_value=1, help_text="Seconds the access token lives.")


class Tokens(Access):
    refresh_token = serializers.CharField(help_text="A JWT, for refresh and logout.")


class Refreshed(Access):
    refresh_token = serializers.CharField(
        required=False,
        help_text="The successor of the one that was sent, where refresh tokens rotate.",
    )


class Profile(Shape):
    email = serializers.CharField()
    message = serializers.CharField()


class Health(Shape):
    status = Ok()
    version = serializers.CharField()
    store = serializers.CharField(help_text="The kind of store, such as `memory`.")


class Ready(Shape):
    status = Ok()


class FieldError(Shape):
    detail = serializers.CharField(help_text="A sentence for a person.")
    code = serializers.CharField(help_text="For a program.")


@extend_schema_serializer(component_name="Error")
class ErrorBody(Shape):
    """The one shape of every error."""

    detail = serializers.CharField(help_text="A sentence for a person.")
    code = serializers.CharField(help_text="For a program; the examples name them all.")
    errors = serializers.DictField(  # type: ignore[assignment]  # DRF keeps fields elsewhere
        child=FieldError(many=True), required=False, help_text="What is wrong, by field."
    )
    request_id = serializers.CharField(
        required=False, help_text="With 500: under this name the log has the traceback."
    )
