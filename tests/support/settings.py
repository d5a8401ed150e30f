"""Changes keys of the setting `ACCOUNTS`, and keeps the others."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.test import override_settings

AccountsSettings = Callable[..., None]
"""The fixture `accounts_settings`: call it with keys and their values."""


def override_accounts_settings(**changed: Any) -> override_settings:
    """Return a context manager, as Django's `override_settings` does."""
    return override_settings(ACCOUNTS={**settings.ACCOUNTS, **changed})
