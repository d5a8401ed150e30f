"""System checks of the setting `ACCOUNTS`: errors in any environment, warnings with --deploy."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core import checks

from accounts.conf import MIN_ROUNDS_IN_PRODUCTION, conf, find_invalid_values, get_settings
from accounts.stores import is_multi_process

E001 = checks.Error("ACCOUNTS must be a dictionary.", id="accounts.E001")
E005 = checks.Error(
    "ACCOUNTS['STORE_URL'] names a server, and the package redis is not installed.",
    hint='pip install "authproject[valkey]"',
    id="accounts.E005",
)
E006 = checks.Error(
    "Every site could use the refresh token's cookie: CORS allows all origins, with credentials.",
    hint="List origins in CORS_ALLOWED_ORIGINS instead of CORS_ALLOW_ALL_ORIGINS.",
    id="accounts.E006",
)
W001 = checks.Warning(
    "ACCOUNTS['STORE_URL'] is memory://: a restart deletes all accounts, and each process of the "
    "server has its own.",
    hint="With one process: file:///path/accounts.jsonl. With several: valkey://host:6379/0.",
    id="accounts.W001",
)
W002 = checks.Warning(
    f"ACCOUNTS['BCRYPT_ROUNDS'] is below {MIN_ROUNDS_IN_PRODUCTION}: hashes are cheap to crack.",
    hint="The default is 12. Each step doubles the time of a login.",
    id="accounts.W002",
)
IDS = {"SECRET_KEY": "accounts.E003", "SECRET_KEY_FALLBACKS": "accounts.E003"}
HINTS = {
    "SECRET_KEY_FALLBACKS": "Remove it, or list earlier values of SECRET_KEY.",
    "SECRET_KEY": "Remove it: the default is derived from Django's SECRET_KEY. Or create one with "
    "`python -c 'import secrets; print(secrets.token_hex(32))'`.",
    "PROFILE_SERIALIZER": "Write the path of a subclass of DRF's Serializer, as "
    "'myproject.serializers.ProfileSerializer'. No field may be named email, password or message.",
    "TOKEN_CLAIMS": "Write the path of a function, as 'myproject.tokens.get_claims'.",
    "STORE_URL": "Examples: memory://, file:///var/lib/accounts/accounts.jsonl, "
    "valkey://user:password@host:6379/0. Write special characters in a password as %XX.",
}


@checks.register
def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return the errors of the setting `ACCOUNTS`."""
    configured = getattr(settings, "ACCOUNTS", {})
    if not isinstance(configured, Mapping):
        return [E001]
    errors = [_build_unknown_key(name) for name in configured if name not in get_settings()]
    invalid = find_invalid_values()
    errors += [_build_invalid_value(name, error) for name, error in invalid.items()]
    if "STORE_URL" not in invalid and is_multi_process(conf.STORE_URL) and not find_spec("redis"):
        errors.append(E005)
    if conf.REFRESH_TOKEN_COOKIE and _allows_all_origins():
        errors.append(E006)
    return [*errors]


@checks.register(deploy=True)
def check_deployment(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return warnings about values that fit development only."""
    if check_settings():
        return []
    warnings: list[checks.CheckMessage] = []
    if conf.STORE_URL.startswith("memory:"):
        warnings.append(W001)
    if conf.BCRYPT_ROUNDS < MIN_ROUNDS_IN_PRODUCTION:
        warnings.append(W002)
    return warnings


def _allows_all_origins() -> bool:
    # The settings of django-cors-headers, which a project need not have.
    names = ("CORS_ALLOW_ALL_ORIGINS", "CORS_ALLOW_CREDENTIALS")
    return all(getattr(settings, name, False) for name in names)


def _build_unknown_key(name: object) -> checks.Error:
    similar = get_close_matches(str(name).upper(), get_settings(), 1)
    hint = f"Did you mean {similar[0]}?" if similar else f"Keys: {', '.join(get_settings())}."
    return checks.Error(f"ACCOUNTS has an unknown key, {name!r}.", hint=hint, id="accounts.E002")


def _build_invalid_value(name: str, error: str) -> checks.Error:
    hint = HINTS.get(name) or f"The default is {get_settings()[name].get_default()!r}."
    return checks.Error(
        f"ACCOUNTS[{name!r}] {error}.", hint=hint, id=IDS.get(name, "accounts.E004")
    )
