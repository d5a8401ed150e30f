"""The environment, read once into one typed value; every fault is found before any is reported."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvValidationError, ValidationError, validate

from authproject.environment import validators
from authproject.environment import variables as var
from authproject.environment.variables import MAX_TOKEN_DAYS, Variable

T = TypeVar("T")
HINTS = {variable.name: variable.hint for variable in var.variables()}


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
    trusted_proxies: list[str]
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
    production = _production(env)
    read = _Reader(env, production)
    values = Environment(
        jwt_secret_key=read.text(var.JWT_SECRET_KEY, validators.secret(production)),
        jwt_secret_key_fallbacks=read.items(
            var.JWT_SECRET_KEY_FALLBACKS, validators.secret(production)
        ),
        production=production,
        allowed_hosts=read.items(var.ALLOWED_HOSTS, validators.host(production)),
        cors_origins=read.items(var.CORS_ORIGINS, validators.origin(production)),
        trusted_proxies=read.items(var.TRUSTED_PROXIES, validators.proxy),
        store_url=read.text(var.STORE_URL, validators.store_url),
        access_token_lifetime=read.seconds(var.ACCESS_TOKEN_EXPIRE_MINUTES, 60),
        refresh_token_lifetime=read.seconds(
            var.REFRESH_TOKEN_EXPIRE_DAYS, 86_400, most=MAX_TOKEN_DAYS
        ),
        rotate_refresh_tokens=read.boolean(var.ROTATE_REFRESH_TOKENS),
        refresh_reuse_grace_seconds=read.number(
            var.REFRESH_REUSE_GRACE_SECONDS, validate.Range(min=0)
        ),
        bcrypt_rounds=read.integer(
            var.BCRYPT_ROUNDS, validate.Range(min=10 if production else 4, max=16)
        ),
        seed_users_file=read.path(var.SEED_USERS_FILE),
        reject_common_passwords=read.boolean(var.REJECT_COMMON_PASSWORDS),
        browsable_api=read.boolean(var.BROWSABLE_API),
        api_docs=read.boolean(var.API_DOCS),
        metrics=read.boolean(var.METRICS),
        log_level=read.text(var.LOG_LEVEL, validators.one_of(*validators.LOG_LEVELS)),
        log_format=read.text(var.LOG_FORMAT, validators.one_of("json", "console")),
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
    return f"{fault} {HINTS.get(name, '')}".rstrip()


def _production(env: Env) -> bool:
    kinds = validators.one_of("development", "production")
    return _Reader(env, production=False).text(var.ENVIRONMENT, kinds) == "production"


class _Reader:
    """Reads variables, with the defaults of one environment. What is at fault is `None`."""

    def __init__(self, env: Env, production: bool) -> None:
        self._env = env
        self._production = production

    def text(self, variable: Variable[str], judge: validators.Validator) -> str:
        return self._env.str(variable.name, self._default(variable), validate=judge)

    def integer(self, variable: Variable[int], judge: validators.Validator) -> int:
        return self._env.int(variable.name, self._default(variable), validate=judge)

    def number(self, variable: Variable[float], judge: validators.Validator) -> float:
        return self._env.float(variable.name, self._default(variable), validate=judge)

    def seconds(self, variable: Variable[float], unit: int, most: float | None = None) -> int:
        """Return whole seconds, as JWT times are (RFC 7519 §2); 0 for what was refused."""
        positive = validate.Range(min=0, max=most, min_inclusive=False)
        count: float | None = self.number(variable, positive)
        return 0 if count is None else max(1, round(count * unit))

    def boolean(self, variable: Variable[bool]) -> bool:
        text = self._env.str(
            variable.name, str(self._default(variable)), validate=validators.boolean
        )
        return (text or "").lower() in validators.TRUE

    def path(self, variable: Variable[str]) -> Path | None:
        # Whether it can be read is judged where it is: make_users may be about to write it.
        text = self._env.str(variable.name, self._default(variable))
        return Path(text).absolute() if text else None

    def items(self, variable: Variable[list[str]], judge: validators.Validator) -> list[str]:
        def judge_all(values: list[str]) -> None:
            faults: list[str] = []
            for value in _items(values):
                try:
                    judge(value)
                except ValidationError as error:
                    faults += map(str, error.messages)
            if faults:
                raise ValidationError(faults)

        return _items(self._env.list(variable.name, self._default(variable), validate=judge_all))

    def _default(self, variable: Variable[T]) -> T:
        # `...` is environs' own sign for what has no default.
        return cast(T, ...) if variable.required else variable.default(self._production)


def _items(values: list[str] | None) -> list[str]:
    return [item for value in values or [] if (item := value.strip())]
