"""The app's settings: the keys of the dictionary `ACCOUNTS`, each with a default."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from django.conf import settings

from accounts.tokens.keys import derive_key

T = TypeVar("T")


class Setting(Generic[T]):
    """A key of `ACCOUNTS`. It is read at each access, so that tests can override it."""

    def __init__(self, default: T | Callable[[], T]) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, conf: None, owner: type) -> "Setting[T]": ...
    @overload
    def __get__(self, conf: "Settings", owner: type) -> T: ...
    def __get__(self, conf: "Settings | None", owner: type) -> "Setting[T] | T":
        if conf is None:
            return self
        configured: Mapping[str, Any] = getattr(settings, "ACCOUNTS", {})
        if self._name in configured:
            value: T = configured[self._name]
            return value
        return self._default() if callable(self._default) else self._default


def derive_secret(secret: str | bytes) -> str:
    """Return the secret of tokens that belongs to one of Django's secrets."""
    return derive_key(secret, "accounts secret key").hex()


def derive_default_secret() -> str:
    return derive_secret(settings.SECRET_KEY)


def derive_default_fallbacks() -> list[str]:
    return [derive_secret(secret) for secret in settings.SECRET_KEY_FALLBACKS]


class Settings:
    """The keys of `ACCOUNTS`. `conf` has their values."""

    SECRET_KEY: Setting[str] = Setting(derive_default_secret)
    """Signs the tokens."""
    SECRET_KEY_FALLBACKS: Setting[list[str]] = Setting(derive_default_fallbacks)
    """Earlier secrets. Their tokens stay valid until they expire."""
    STORE_URL = Setting("memory://")
    SEED_USERS_FILE: Setting[Path | None] = Setting(None)
    ACCESS_TOKEN_LIFETIME = Setting(timedelta(minutes=15))
    REFRESH_TOKEN_LIFETIME = Setting(timedelta(days=7))
    ROTATE_REFRESH_TOKENS = Setting(default=False)
    REFRESH_REUSE_GRACE_SECONDS: Setting[float] = Setting(10)
    BCRYPT_ROUNDS = Setting(12)
    REJECT_COMMON_PASSWORDS = Setting(default=False)


conf = Settings()
