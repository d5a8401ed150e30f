"""System checks: warnings about settings that do not prevent a start."""

from typing import Any

from django.conf import settings
from django.core import checks

from accounts.conf import conf
from authproject.environment.variables import EXAMPLE_SECRET

W001 = checks.Warning(
    "JWT_SECRET_KEY is the value of .env.example, which everybody knows.",
    hint="Remove .env and run `python -m authproject.init_env`: it writes a new secret.",
    id="authproject.W001",
)
W002 = checks.Warning(
    "ALLOWED_HOSTS is empty: every request will be refused.",
    hint="List the host names that you serve in ALLOWED_HOSTS.",
    id="authproject.W002",
)


@checks.register
def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return a warning for each setting that is valid but probably a mistake."""
    warnings: list[checks.CheckMessage] = []
    if conf.SECRET_KEY == EXAMPLE_SECRET:
        warnings.append(W001)
    if not settings.ALLOWED_HOSTS:
        warnings.append(W002)
    return warnings
