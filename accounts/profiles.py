"""Bodies with the fields that a project adds to its users: registration and profile.

`PROFILE_SERIALIZER` names the project's serializer. A profile keeps each field as that serializer
represents it, in JSON. Read-only and write-only fields are not stored.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from rest_framework import serializers
from rest_framework.fields import SkipField, empty, get_attribute
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

from accounts.conf import import_setting
from accounts.domain.errors import ProfileTooLarge
from accounts.domain.users import dump_profile
from accounts.serializers import BodySerializer, NewAccountSerializer

NO_JSON = "A value is nested too deep, or a number is too large."


# The base of the project's serializer: stores what it has validated, and shows it again. This is no
# docstring, because the OpenAPI document would show it. No method is named `validate_…`: DRF would
# call it for a project's field of that name.
class ProfileSerializer(BodySerializer):
    def parse_body(self, data: Any) -> dict[str, Any]:
        """Return the fields of a body that are stored. Raises `ValidationError`."""
        try:
            return _to_json(self._represent(self.run_validation(data)))
        except RecursionError as error:  # of Python's JSON encoder, which DRF's JSONField calls
            raise _build_error(NO_JSON, "invalid") from error

    def parse_changes(self, data: Any) -> dict[str, Any]:
        """Return the fields of a body that are stored. Any of them may be missing.

        DRF's `partial` is not used, because it would store a part of a nested object. Raises
        `ValidationError`.
        """
        if isinstance(data, Mapping):
            for name, field in list(self.fields.items()):
                if field.get_value(data) is empty:
                    del self.fields[name]
        return self.parse_body(data)

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a stored profile. One that it lacks has its default, if any."""
        shown = {}
        for name, field in self.fields.items():
            if field.write_only:
                continue
            if name in instance:
                shown[name] = instance[name]
                continue
            try:
                value = field.get_attribute(instance)
            except (KeyError, SkipField):
                continue
            shown[name] = None if value is None else field.to_representation(value)
        return shown

    def _represent(self, validated: Mapping[str, Any]) -> dict[str, Any]:
        values = {}
        for name, field in self.fields.items():
            if field.read_only or field.write_only:
                continue
            try:
                value = get_attribute(validated, field.source_attrs)
            except KeyError:  # It was not sent, and has no default.
                continue
            values[name] = None if value is None else field.to_representation(value)
        return values


def get_profile_serializer_class() -> type[ProfileSerializer] | None:
    """Return the class for `PROFILE_SERIALIZER`, or `None`.

    Also `None` for an unusable one: a system check reports it, and no services are built with it.
    """
    try:
        base = import_setting("PROFILE_SERIALIZER")
    except ValueError:
        return None
    return None if base is None else build_class(base)


@cache
def build_class(base: type[serializers.Serializer[Any]]) -> type[ProfileSerializer]:
    """Return the class for a project's serializer."""
    # The project's class comes first: its methods may call those of `ProfileSerializer`.
    return type("ProfileFieldsSerializer", (base, ProfileSerializer), {})


# No docstring, because the OpenAPI document would show it. The project's serializer validates the
# project's fields; here they are only listed.
class RegisterSerializer(NewAccountSerializer):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        profile_class = get_profile_serializer_class()
        own = profile_class().get_fields() if profile_class else {}
        fields = {name: field for name, field in own.items() if not field.read_only}
        return super().get_fields() | fields

    def run_validation(self, data: Any = empty) -> dict[str, Any]:
        """Return `email`, `password` and `profile`. Raises one `ValidationError` for all fields."""
        profile_class = get_profile_serializer_class()
        if profile_class is None:
            return cast(dict[str, Any], super().run_validation(data))
        parts = {
            "account": NewAccountSerializer().run_validation,
            "profile": profile_class(context=self.context).parse_body,
        }
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, validate in parts.items():
            try:
                values[name] = validate(data)
            except serializers.ValidationError as error:
                errors |= cast(dict[str, Any], error.detail)
        if errors:
            raise serializers.ValidationError(errors)
        return {**values["account"], "profile": values["profile"]}


def _to_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as they will be read. Raises `ValidationError`."""
    # DRF's encoder knows dates, decimals and lazy texts.
    plain: dict[str, Any] = json.loads(json.dumps(values, cls=JSONEncoder, allow_nan=False))
    try:
        dump_profile(plain)
    except TypeError as error:  # a number of more than 64 bits, or nested too deep
        raise _build_error(NO_JSON, "invalid") from error
    except ProfileTooLarge as error:
        raise _build_error(error.detail, error.code) from error
    return plain


def _build_error(detail: str, code: str) -> serializers.ValidationError:
    error = serializers.ErrorDetail(detail, code)
    return serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [error]})
