"""The environment, read once into one typed value; every fault is found before any is reported."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvValidationError, ValidationError, validate

from accounts.stores import check_url
from accounts.stores.errors import BadStoreUrl

EXAMPLE_SECRET = "an-example-that-everybody-knows-so-replace-it"  # noqa: S105  # refused in production
MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: no shorter than the hash of HS256.
MAX_TOKEN_DAYS = 3650.0

DEVELOPMENT_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
DEVELOPMENT_ORIGINS = [
    f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (3000, 8000)
]

NEW_SECRET = "Remove .env and `python -m authproject.init_env` writes a fresh one."  # noqa: S105  # a hint
HINTS = {
    "JWT_SECRET_KEY": NEW_SECRET,
    "JWT_SECRET_KEY_FALLBACKS": "Separate the earlier secrets by commas, or leave it out.",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "Set minutes above 0, such as 15 or 0.5.",
    "REFRESH_TOKEN_EXPIRE_DAYS": f"Set days above 0 and up to {MAX_TOKEN_DAYS:.0f}, such as 7.",
    "REFRESH_REUSE_GRACE_SECONDS": "Set seconds from 0, such as 10.",
    "BCRYPT_ROUNDS": "Set a whole number from 4 to 16; in production 10 or more.",
}
TRUE = {"true", "1", "yes", "on"}
FALSE = {"false", "0", "no", "off"}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class ConfigurationError(ImproperlyConfigured):
    """The environment is unfit to start with; the message lists every fault and its remedy."""

    def __init__(
        self, faults: dict[str, list[str]], environment: "Environment | None" = None
    ) -> None:
        """`environment` is what was read all the same; what is at fault in it may be `None`."""
        self.faults = faults
        self.environment = environment
        lines = [f"  {name}: {fault}" for name in faults for fault in faults[name]]
        super().__init__(
            "\n".join(
                ["The configuration was refused:", *lines, ".env.example explains every setting."]
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Every setting. Lifetimes are in whole seconds, the grace in seconds."""

    jwt_secret_key: str
    jwt_secret_key_fallbacks: list[str]
    production: bool
    allowed_hosts: list[str]
    cors_origins: list[str]
    store_url: str
    access_token_lifetime: int
    refresh_token_lifetime: int
    rotate_refresh_tokens: bool
    refresh_reuse_grace_seconds: float
    bcrypt_rounds: int
    seed_users_file: Path | None
    reject_common_passwords: bool
    browsable_api: bool
    api_docs: bool
    metrics: bool
    log_level: str
    log_format: str


def read_environment(dotenv: Path) -> Environment:
    """Read the environment, and `dotenv` for what that lacks. Raises `ConfigurationError`."""
    env = Env(eager=False)
    try:
        env.read_env(dotenv, recurse=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError({str(dotenv): ["is no readable file of UTF-8 text."]}) from error
    kind = env.str("ENVIRONMENT", "development", validate=_one_of("development", "production"))
    production = kind == "production"
    access = _number(env, "ACCESS_TOKEN_EXPIRE_MINUTES", 15.0, positive=True)
    refresh = _number(env, "REFRESH_TOKEN_EXPIRE_DAYS", 7.0, positive=True, most=MAX_TOKEN_DAYS)
    values = Environment(
        jwt_secret_key=env.str("JWT_SECRET_KEY", validate=_secret(production)),
        jwt_secret_key_fallbacks=_list(env, "JWT_SECRET_KEY_FALLBACKS", [], _secret(production)),
        production=production,
        allowed_hosts=_list(
            env, "ALLOWED_HOSTS", [] if production else DEVELOPMENT_HOSTS, _host(production)
        ),
        cors_origins=_list(
            env, "CORS_ORIGINS", [] if production else DEVELOPMENT_ORIGINS, _origin(production)
        ),
        store_url=env.str("STORE_URL", "memory://", validate=_store_url),
        access_token_lifetime=_seconds(access, 60),
        refresh_token_lifetime=_seconds(refresh, 86_400),
        rotate_refresh_tokens=_boolean(env, "ROTATE_REFRESH_TOKENS", False),
        refresh_reuse_grace_seconds=_number(
            env, "REFRESH_REUSE_GRACE_SECONDS", 10.0, positive=False
        ),
        bcrypt_rounds=_rounds(env, lowest=10 if production else 4),
        seed_users_file=_path(env, "SEED_USERS_FILE"),
        reject_common_passwords=_boolean(env, "REJECT_COMMON_PASSWORDS", False),
        browsable_api=_boolean(env, "BROWSABLE_API", not production),
        api_docs=_boolean(env, "API_DOCS", not production),
        metrics=_boolean(env, "METRICS", True),
        log_level=env.str("LOG_LEVEL", "INFO", validate=_one_of(*LOG_LEVELS)),
        log_format=env.str(
            "LOG_FORMAT", "json" if production else "console", validate=_one_of("json", "console")
        ),
    )
    faults = _faults(env)
    if 0 < values.refresh_token_lifetime <= values.access_token_lifetime:
        faults.setdefault("ACCESS_TOKEN_EXPIRE_MINUTES", []).append(
            "must be less than REFRESH_TOKEN_EXPIRE_DAYS; lower it"
        )
    if faults:
        raise ConfigurationError(faults, values)
    return values


def _faults(env: Env) -> dict[str, list[str]]:
    try:
        env.seal()
    except EnvValidationError as error:
        found = cast(dict[str, list[str]], error.error_messages)
        return {name: [_with_hint(name, fault) for fault in found[name]] for name in found}
    return {}


def _with_hint(name: str, fault: str) -> str:
    return f"{fault} {HINTS[name]}" if name in HINTS else fault


def _one_of(*choices: str) -> validate.OneOf:
    return validate.OneOf(choices, error=f"must be one of: {', '.join(choices)}")


def _boolean(env: Env, name: str, default: bool) -> bool:
    def judge(text: str) -> None:
        if text.lower() not in TRUE | FALSE:
            raise ValidationError("must be true or false")

    text = env.str(name, "true" if default else "false", validate=judge)
    return (text or "").lower() in TRUE


def _number(
    env: Env, name: str, default: float, *, positive: bool, most: float | None = None
) -> float:
    in_range = validate.Range(min=0, max=most, min_inclusive=not positive)
    return env.float(name, default, validate=in_range)


def _path(env: Env, name: str) -> Path | None:
    # Whether it can be read is judged where it is: make_users may be about to write it.
    text: str = env.str(name, "")
    return Path(text).absolute() if text else None


def _rounds(env: Env, lowest: int) -> int:
    return env.int("BCRYPT_ROUNDS", 12, validate=validate.Range(min=lowest, max=16))


def _seconds(count: float | None, unit: int) -> int:
    """Return whole seconds, as JWT times are (RFC 7519 §2); 0 for what was refused already."""
    return 0 if count is None else max(1, round(count * unit))


def _list(env: Env, name: str, default: list[str], judge: Callable[[str], None]) -> list[str]:
    def judge_all(values: list[str]) -> None:
        faults: list[str] = []
        for value in _items(values):
            try:
                judge(value)
            except ValidationError as error:
                faults += map(str, error.messages)
        if faults:
            raise ValidationError(faults)

    return _items(env.list(name, default, validate=judge_all))


def _items(values: list[str] | None) -> list[str]:
    return [item for value in values or [] if (item := value.strip())]


def _secret(production: bool) -> Callable[[str], None]:
    def judge(value: str) -> None:
        # Bytes of the environment that are not UTF-8 are halves of surrogate pairs here.
        if len(value.encode(errors="ignore")) < MIN_SECRET_BYTES or not value.isprintable():
            raise ValidationError(f"is no text of {MIN_SECRET_BYTES} bytes or more.")
        if production and value == EXAMPLE_SECRET:
            raise ValidationError("is the value of .env.example, which everybody knows.")

    return judge


def _host(production: bool) -> Callable[[str], None]:
    def judge(value: str) -> None:
        if production and value == "*":
            raise ValidationError("must not be * in production; list the host names that you serve")

    return judge


def _origin(production: bool) -> Callable[[str], None]:
    def judge(value: str) -> None:
        if value == "*":
            if production:
                raise ValidationError(
                    "must not be * in production; list the origins of your front ends"
                )
            return
        if not _is_origin(value):
            raise ValidationError(f"{value!r} is no origin; write it as https://app.example.com")

    return judge


def _is_origin(value: str) -> bool:
    try:
        url = urlsplit(value)
    except ValueError:
        return False
    return bool(url.scheme and url.netloc) and value == f"{url.scheme}://{url.netloc}"


def _store_url(value: str) -> None:
    try:
        check_url(value)
    except BadStoreUrl as error:
        raise ValidationError(str(error)) from error
