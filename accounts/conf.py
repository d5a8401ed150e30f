"""The app's settings: the keys of the dictionary `ACCOUNTS`, each with default and rule."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.stores.url import parse_url
from accounts.tokens.keys import derive_key, validate_secret

T = TypeVar("T")

MAX_BODY_BYTES = 16 * 1024
"""Of a request. The largest one, a login with a long password, has 5 KiB."""
MAX_SESSION_DAYS = 3650
MAX_GRACE_SECONDS = 3600
MIN_ROUNDS_IN_PRODUCTION = 10

ACCOUNT_FIELDS = {"email", "password", "message"}
"""What the bodies of registration and profile have without `PROFILE_SERIALIZER`."""


class Rule(NamedTuple):
    """Which values are valid. The error continues the name of the setting."""

    is_valid: Callable[[Any], bool]
    error: str

    def validate(self, value: object) -> None:
        """Raises `ValueError`."""
        if not self.is_valid(value):
            raise ValueError(self.error)


BOOLEAN = Rule(lambda value: isinstance(value, bool), "must be True or False")
LIFETIME = Rule(
    lambda value: (
        isinstance(value, timedelta) and timedelta(0) < value <= timedelta(MAX_SESSION_DAYS)
    ),
    f"must be a timedelta above 0, of at most {MAX_SESSION_DAYS} days",
)
OPTIONAL_LIFETIME = Rule(
    lambda value: value is None or LIFETIME.is_valid(value), f"{LIFETIME.error}, or None"
)
GRACE_SECONDS = Rule(
    lambda value: type(value) in {int, float} and 0 <= value <= MAX_GRACE_SECONDS,
    f"must be seconds from 0 to {MAX_GRACE_SECONDS}, "
    "because a copied token is not detected that long",
)
SAMESITE = Rule(lambda value: value in ("Strict", "Lax"), "must be Strict or Lax")
BCRYPT_ROUNDS = Rule(
    lambda value: type(value) is int and value in range(4, 17),
    "must be a whole number from 4 to 16",
)
OPTIONAL_PATH = Rule(
    lambda value: isinstance(value, (Path, type(None))), "must be a pathlib.Path or None"
)
TEXT = Rule(lambda value: isinstance(value, str), "must be a string")
TEXTS = Rule(lambda value: isinstance(value, (list, tuple)), "must be a list of strings")


def validate_secret_text(value: Any) -> None:
    TEXT.validate(value)
    validate_secret(value)


def validate_secret_texts(value: Any) -> None:
    TEXTS.validate(value)
    for secret in value:
        validate_secret_text(secret)


def validate_store_url(value: Any) -> None:
    TEXT.validate(value)
    parse_url(value)


def import_path(path: Any) -> Any:
    """Return what a path names, or `None`. Raises `ValueError`."""
    if path is None:
        return None
    TEXT.validate(path)
    if path.startswith("."):
        raise ValueError("must begin with the name of a package, not with a dot")
    try:
        return import_string(path)
    except ImportError as error:
        raise ValueError(f"cannot be imported: {error}") from error


def validate_profile_serializer(path: Any) -> None:
    from rest_framework.serializers import Serializer  # noqa: PLC0415  # it needs the settings

    named = import_path(path)
    if named is None:
        return
    if not (isinstance(named, type) and issubclass(named, Serializer)) or named is Serializer:
        raise ValueError("must be a subclass of DRF's Serializer")
    try:
        fields = named().fields
    except (AssertionError, TypeError) as error:  # DRF's and Python's, about the class
        raise ValueError(f"cannot be used: {error}") from error
    if reserved := sorted(ACCOUNT_FIELDS & fields.keys()):
        raise ValueError(f"has fields that every account has: {', '.join(reserved)}")


def validate_token_claims(path: Any) -> None:
    named = import_path(path)
    if named is not None and not callable(named):
        raise ValueError("is no function")


class Setting(Generic[T]):
    """A key of `ACCOUNTS`. It is read at each access, so that tests can override it."""

    def __init__(self, default: T | Callable[[], T], validate: Callable[[Any], None]) -> None:
        self._default = default
        self.validate = validate
        """Raises `ValueError`. Its message continues the name of the key."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, conf: "Settings", owner: type) -> T:
        configured = getattr(settings, "ACCOUNTS", {})
        # A system check reports what is no dictionary; until then, the defaults apply.
        if isinstance(configured, Mapping) and self._name in configured:
            value: T = configured[self._name]
            return value
        return self.get_default()

    def get_default(self) -> T:
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

    SECRET_KEY: Setting[str] = Setting(derive_default_secret, validate_secret_text)
    SECRET_KEY_FALLBACKS: Setting[list[str]] = Setting(
        derive_default_fallbacks, validate_secret_texts
    )
    STORE_URL = Setting("memory://", validate_store_url)
    SEED_USERS_FILE: Setting[Path | None] = Setting(None, OPTIONAL_PATH.validate)
    ACCESS_TOKEN_LIFETIME = Setting(timedelta(minutes=15), LIFETIME.validate)
    REFRESH_TOKEN_LIFETIME = Setting(timedelta(days=7), LIFETIME.validate)
    REFRESH_TOKEN_SHORT_LIFETIME = Setting(timedelta(days=1), LIFETIME.validate)
    ROTATE_REFRESH_TOKENS = Setting(default=False, validate=BOOLEAN.validate)
    REFRESH_REUSE_GRACE_SECONDS: Setting[float] = Setting(10, GRACE_SECONDS.validate)
    REFRESH_TOKEN_SLIDING_LIFETIME: Setting[timedelta | None] = Setting(
        None, OPTIONAL_LIFETIME.validate
    )
    REFRESH_TOKEN_COOKIE = Setting(default=False, validate=BOOLEAN.validate)
    REFRESH_TOKEN_COOKIE_SAMESITE: Setting[Literal["Strict", "Lax"]] = Setting(
        "Strict", SAMESITE.validate
    )
    TRACK_SESSIONS = Setting(default=False, validate=BOOLEAN.validate)
    BCRYPT_ROUNDS = Setting(12, BCRYPT_ROUNDS.validate)
    REJECT_COMMON_PASSWORDS = Setting(default=False, validate=BOOLEAN.validate)
    PROFILE_SERIALIZER: Setting[str | None] = Setting(None, validate_profile_serializer)
    """A DRF serializer: its fields are added to registration and profile."""
    TOKEN_CLAIMS: Setting[str | None] = Setting(None, validate_token_claims)
    """A function `(user) -> dict`: these claims are added to access tokens."""


conf = Settings()


def get_settings() -> dict[str, Setting[Any]]:
    """Return every key with its declaration, in the order of `Settings`."""
    return {name: one for name, one in vars(Settings).items() if isinstance(one, Setting)}


def find_invalid_values() -> dict[str, str]:
    """Return the keys with an invalid value, and what is wrong with it."""
    errors: dict[str, str] = {}
    for name, setting in get_settings().items():
        try:
            setting.validate(getattr(conf, name))
        except ValueError as error:
            errors[name] = str(error)
    return errors or find_conflicts()


def find_conflicts() -> dict[str, str]:
    """Return the keys with a valid value that does not fit another key's."""
    errors: dict[str, str] = {}
    if conf.ACCESS_TOKEN_LIFETIME >= conf.REFRESH_TOKEN_LIFETIME:
        errors["ACCESS_TOKEN_LIFETIME"] = "must be less than REFRESH_TOKEN_LIFETIME"  # noqa: S105  # an error
    if (sliding := conf.REFRESH_TOKEN_SLIDING_LIFETIME) is not None:
        name = "REFRESH_TOKEN_SLIDING_LIFETIME"
        if sliding < conf.REFRESH_TOKEN_LIFETIME:
            errors[name] = "must not be less than REFRESH_TOKEN_LIFETIME"
        if not conf.ROTATE_REFRESH_TOKENS:
            errors[name] = "needs ROTATE_REFRESH_TOKENS"
    return errors


def import_setting(name: str) -> Any:
    """Return what a key of `ACCOUNTS` names, or `None`. Raises `ValueError`."""
    path = getattr(conf, name)
    get_settings()[name].validate(path)
    return import_path(path)
