"""The project's settings, with a view that never returns."""

from authproject.settings import *  # noqa: F403  # as settings do

ROOT_URLCONF = "tests.support.views_blocking"
