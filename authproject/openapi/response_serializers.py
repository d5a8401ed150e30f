"""Serializers that only describe responses; nothing is validated by them.

The `initial` values of their fields are the document's example.
"""

from typing import Any

from rest_framework.serializers import CharField, IntegerField, Serializer

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


class Profile(Serializer[Any]):
    email = CharField(initial=EMAIL)
    message = CharField(initial="This is protected data")


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
