"""The settings of tests, with fields and claims of a project's own."""

from tests import settings as base
from tests.settings import *  # noqa: F403

ACCOUNTS = {
    **base.ACCOUNTS,
    "PROFILE_SERIALIZER": "tests.support.profiles.PersonSerializer",
    "TOKEN_CLAIMS": "tests.support.profiles.get_claims",
}
