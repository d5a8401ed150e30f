"""System checks: what is allowed to start, but should not be overlooked."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Advice

W001 = Advice(
    "JWT_SECRET_KEY is the value of .env.example, which everybody knows.",
    hint="Remove .env and run `python -m authproject.init_env`: it writes a fresh secret.",
    id="accounts.W001",
)
W002 = Advice(
    "ALLOWED_HOSTS is empty: every request will be refused.",
    hint="List the host names that you serve in ALLOWED_HOSTS.",
    id="accounts.W002",
)


@register
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Warn of settings that a deployment will regret."""
    found: list[CheckMessage] = []
    if settings.JWT_SECRET_KEY == settings.JWT_SECRET_KEY_EXAMPLE:
        found.append(W001)
    if not settings.ALLOWED_HOSTS:
        found.append(W002)
    return found
