"""The project's settings, with fields and claims of a project's own."""

import os

from authproject import settings as base
from authproject.settings import *  # noqa: F403  # as settings do

PATH = "tests.support.profiles.PersonSerializer"

ACCOUNTS = {
    **base.ACCOUNTS,
    "PROFILE_SERIALIZER": os.environ.get("TESTED_SERIALIZER", PATH),
    "TOKEN_CLAIMS": "tests.support.profiles.get_claims",
}
