"""The shapes of request bodies. Nothing is coerced: a number is no password."""

from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from accounts.domain.errors import DuplicateEmail, InvalidEmail, InvalidPassword
from accounts.domain.users import EmailAddress, normalize_email
from accounts.services import get_services


class BodySerializer(serializers.Serializer[Any]):
    """A JSON object, and nothing else."""

    def run_validation(self, data: Any = empty) -> Any:
        if not isinstance(data, dict):
            message = "The request body must be a JSON object."
            error = serializers.ErrorDetail(message, "null" if data is None else "wrong_type")
            raise serializers.ValidationError({"non_field_errors": [error]})
        return super().run_validation(data)


class TextField(serializers.CharField):
    """A string as it was sent: never coerced, never trimmed, of any length."""

    default_error_messages = {"wrong_type": "This field must be a string."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)
        # Ours judge what is in the text; CharField would refuse NULs and surrogates in a token.
        self.validators = []

    def run_validation(self, data: Any = empty) -> Any:
        # CharField takes an empty string as it is; here it is judged like any other.
        return serializers.Field.run_validation(self, data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("wrong_type")
        return data


class EmailField(TextField):
    """An e-mail address, normalised."""

    def to_internal_value(self, data: Any) -> EmailAddress:
        try:
            return normalize_email(super().to_internal_value(data))
        except InvalidEmail as error:
            raise serializers.ValidationError(error.detail, error.code) from error


class NewEmailField(EmailField):
    """An e-mail address without an account so far; `add_user` decides, but after a costly hash."""

    def to_internal_value(self, data: Any) -> EmailAddress:
        email = super().to_internal_value(data)
        if get_services().accounts.store.get_user(email) is not None:
            raise serializers.ValidationError(DuplicateEmail.detail, DuplicateEmail.code)
        return email


class PasswordField(TextField):
    """A password to check."""

    def __init__(self) -> None:
        super().__init__(style={"input_type": "password"})


class NewPasswordField(PasswordField):
    """A password to set, which the policy judges."""

    def to_internal_value(self, data: Any) -> str:
        password = super().to_internal_value(data)
        try:
            get_services().password_policy.check(password)
        except InvalidPassword as error:
            raise serializers.ValidationError(error.detail, error.code) from error
        return password


class RegisterSerializer(BodySerializer):
    email = NewEmailField()
    password = NewPasswordField()


class LoginSerializer(BodySerializer):
    email = EmailField()
    password = PasswordField()


class RefreshTokenSerializer(BodySerializer):
    refresh_token = TextField(write_only=True)  # No page repeats it: it may be good still.


class ChangePasswordSerializer(BodySerializer):
    current_password = PasswordField()
    new_password = NewPasswordField()
