"""Serializers that only describe responses; nothing is validated by them.

The `initial` values of their fields are the document's example.
"""

from datetime import UTC, datetime
from typing import Any

from rest_framework.serializers import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    IntegerField,
    Serializer,
)

from accounts.profiles import get_profile_serializer_class
from authproject import __version__

EMAIL = "ada@example.com"
TOKEN = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhZGFAZXhhbXBsZS5jb20ifQ.c2lnbmF0dXJl"  # noqa: S105  # an example


class Registered(Serializer[Any]):
    message = CharField(initial="User registered")
    email = CharField(initial=EMAIL, help_text="The normalized address.")


class AccessToken(Serializer[Any]):
    access_token = CharField(initial=TOKEN, help_text="A JWT, for `Authorization: Bearer`.")
    token_type = CharField(initial="bearer", help_text="Always `bearer`.")
    expires_in = IntegerField(initial=900, help_text="Seconds until the access token expires.")


class Tokens(AccessToken):
    refresh_token = CharField(initial=TOKEN, help_text="A JWT, for refresh and logout.")


class Refreshed(Tokens):
    refresh_token = CharField(
        initial=TOKEN,
        required=False,
        help_text="Replaces the one that was sent. Absent if refresh tokens do not rotate.",
    )


class ListedSession(Serializer[Any]):
    id = CharField(
        initial="b1946ac92492d2347c6235b4d2611184", help_text="The `sid` of the session's tokens."
    )
    created_at = DateTimeField(
        initial=datetime(2026, 1, 31, 12, tzinfo=UTC), help_text="When the user logged in, in UTC."
    )
    last_refreshed_at = DateTimeField(
        initial=None, allow_null=True, help_text="`null` if the session was never refreshed."
    )
    current = BooleanField(
        initial=True, help_text="Whether it is the session of this request's token."
    )
    client = CharField(
        initial="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        allow_null=True,
        help_text="The visible part of the login's `User-Agent`, at most 100 characters: any text.",
    )


class Sessions(Serializer[Any]):
    sessions = ListedSession(many=True)

    def get_initial(self) -> Any:
        return {"sessions": [ListedSession().data]}


class Profile(Serializer[Any]):
    email = CharField(initial=EMAIL)
    message = CharField(initial="This is protected data")


# No docstring, because the document would show it.
class ProfileWithFields(Profile):
    def get_fields(self) -> dict[str, Field[Any, Any, Any, Any]]:
        fields = {name: one for name, one in super().get_fields().items() if not one.write_only}
        for name in fields.keys() - {"email", "message"}:
            # An account that is older than the field may lack it.
            fields[name].required = fields[name].read_only = False
        return fields

    def get_initial(self) -> dict[str, Any]:
        return {name: field.initial for name, field in self.fields.items() if field.initial}


def build_profile() -> Profile:
    """Return the serializer of a profile, with a project's own fields."""
    base = get_profile_serializer_class()
    if base is None:
        return Profile()
    described: type[Profile] = type("Profile", (ProfileWithFields, base), {})
    return described()


class Ready(Serializer[Any]):
    status = CharField(initial="ok", help_text="Always `ok`.")


class Health(Ready):
    version = CharField(initial=__version__)
    store = CharField(initial="memory", help_text="`memory`, `file` or `redis`.")


class FieldError(Serializer[Any]):
    detail = CharField(help_text="A sentence for people.")
    code = CharField(help_text="For programs.")


class ApiError(FieldError):
    """What the body of every error has."""
