"""Request bodies. Values are never coerced: a number is not a password."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.utils import html

from accounts.domain.errors import DuplicateEmail, InvalidField
from accounts.domain.interfaces import NormalizedPassword
from accounts.domain.users import EmailAddress, normalize_email
from accounts.passwords.policy import parse_password
from accounts.services import get_services


class BodySerializer(serializers.Serializer[Any]):
    """Requires a JSON object."""

    def run_validation(self, data: Any = empty) -> Any:
        if not isinstance(data, dict):
            message = "The request body must be a JSON object."
            error = serializers.ErrorDetail(message, "null" if data is None else "wrong_type")
            raise serializers.ValidationError({"non_field_errors": [error]})
        return super().run_validation(data)


class TextField(serializers.CharField):
    """A string exactly as it was sent: not coerced, not trimmed, of any length."""

    default_error_messages = {"wrong_type": "This field must be a string."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)
        # CharField's own validators reject NUL, but logout accepts any string as a token.
        self.validators = []

    def run_validation(self, data: Any = empty) -> Any:
        # CharField rejects an empty string without calling `to_internal_value`.
        return serializers.Field.run_validation(self, data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("wrong_type")
        try:
            return self.parse(data)
        except InvalidField as error:
            raise serializers.ValidationError(error.detail, error.code) from error

    def parse(self, text: str) -> Any:
        """Return the validated value; a subclass overrides it. May raise `InvalidField`."""
        return text


class EmailField(TextField):
    """An e-mail address; its value is normalized."""

    def __init__(self) -> None:
        super().__init__(label="E-mail", style={"input_type": "email", "autocomplete": "username"})

    def parse(self, text: str) -> EmailAddress:
        return normalize_email(text)


class NewEmailField(EmailField):
    """An e-mail address without an account.

    This check saves the hash for most duplicates; the store's `add_user` decides.
    """

    def parse(self, text: str) -> EmailAddress:
        email = super().parse(text)
        if get_services().accounts.store.get_user(email) is not None:
            raise DuplicateEmail
        return email


class PasswordField(TextField):
    """A password to verify; its value is what `parse_password` returns."""

    autocomplete: ClassVar[str] = "current-password"

    def __init__(self) -> None:
        style = {"input_type": "password", "autocomplete": self.autocomplete}
        super().__init__(style=style)

    def parse(self, text: str) -> Any:
        return parse_password(text)


class NewPasswordField(PasswordField):
    """A password to set; the policy validates it."""

    autocomplete = "new-password"

    def parse(self, text: str) -> NormalizedPassword:
        return get_services().password_policy.validate(text)


class NewAccountSerializer(BodySerializer):
    email = NewEmailField()
    password = NewPasswordField()


class RememberField(serializers.BooleanField):
    """Whether the session is to be a long one; a checkbox in a form."""

    default_error_messages = {"wrong_type": "This field must be true or false."}

    def __init__(self) -> None:
        super().__init__(source="remember", required=False, initial=True)

    def get_value(self, dictionary: Any) -> Any:
        if html.is_html_input(dictionary):
            return self.field_name in dictionary  # An unchecked box is not sent.
        return super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("wrong_type")
        return data


class LoginSerializer(BodySerializer):
    email = EmailField()
    password = PasswordField()
    remember_me = RememberField()


class TokenField(TextField):
    """A token, trimmed: people copy it with a line break or a space."""

    def parse(self, text: str) -> str:
        return text.strip()


class RefreshTokenSerializer(BodySerializer):
    # Write-only, so that a form never shows a token that may still be valid.
    refresh_token = TokenField(write_only=True)


class CurrentPasswordSerializer(BodySerializer):
    current_password = PasswordField()


class ChangePasswordSerializer(CurrentPasswordSerializer):
    new_password = NewPasswordField()
