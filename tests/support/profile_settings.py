"""The project's settings, with fields and claims of a project's own."""

from authproject import settings as base
from authproject.settings import *  # noqa: F403

ACCOUNTS = {
    **base.ACCOUNTS,
    "PROFILE_SERIALIZER": "tests.support.profiles.PersonSerializer",
    "TOKEN_CLAIMS": "tests.support.profiles.get_claims",
}
