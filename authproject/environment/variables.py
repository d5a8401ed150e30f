"""Every setting, declared once: its name, its parser, its defaults and its description.

`reader.py` reads the settings in the order of this module. `generate_docs.py` writes `.env.example`
and the table in docs/reference/settings.md from them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from accounts.stores import check_url
from authproject.environment.validators import (
    each,
    in_range,
    not_equal,
    one_of,
    parse_boolean,
    parse_integer,
    parse_list,
    parse_number,
    parse_path,
    validate_origin,
    validate_positive,
    validate_secret,
)
from authproject.server.trusted_proxies import parse_trusted_network

T = TypeVar("T")

PRODUCTION = "production"
EXAMPLE_SECRET = "an-example-that-everybody-knows-so-replace-it"  # noqa: S105  # refused in production


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Generic[T]):
    """An environment variable. Defaults are written as in `.env`."""

    name: str
    parse: Callable[[str], T]
    default: str = ""
    production_default: str | None = None
    """The default in production, if it differs."""
    example: str = ""
    """For a required variable: the value in `.env.example`."""
    validators: tuple[Callable[[T], object], ...] = ()
    production_validators: tuple[Callable[[T], object], ...] = ()
    summary: str
    """One sentence for `.env.example` and the table of settings."""
    details: str = ""
    """More lines for `.env.example`."""
    hint: str = ""
    """How to correct a refused value, if the errors of the validators do not say so."""

    def read(self, text: str | None, *, production: bool) -> T:
        """Return the value of `text`, or of the default. Raises `ValueError`."""
        if text is None:
            text = self.default
            if production and self.production_default is not None:
                text = self.production_default
        value = self.parse(text)
        for validate in (*self.validators, *(self.production_validators if production else ())):
            validate(value)
        return value


_not_the_example = not_equal(
    EXAMPLE_SECRET, "must not be the example from .env.example in production"
)

JWT_SECRET_KEY = Variable(
    name="JWT_SECRET_KEY",
    parse=str,
    example=EXAMPLE_SECRET,
    validators=(validate_secret,),
    production_validators=(_not_the_example,),
    summary="The secret key that signs the tokens: at least 32 bytes.",
    details="This example is refused in production.",
    hint="remove .env and run `python -m authproject.init_env`, which writes a new secret",
)
JWT_SECRET_KEY_FALLBACKS = Variable(
    name="JWT_SECRET_KEY_FALLBACKS",
    parse=parse_list,
    validators=(each(validate_secret),),
    production_validators=(each(_not_the_example),),
    summary="Earlier secret keys, comma-separated; their tokens stay valid until they expire.",
    hint="separate earlier secrets by commas, or remove this setting",
)
ENVIRONMENT = Variable(
    name="ENVIRONMENT",
    parse=str,
    default="development",
    validators=(one_of("development", PRODUCTION),),
    summary="`development` or `production`; some defaults below depend on it.",
)
ALLOWED_HOSTS = Variable(
    name="ALLOWED_HOSTS",
    parse=parse_list,
    default="localhost,127.0.0.1,[::1]",
    production_default="",
    production_validators=(
        each(not_equal("*", "must not be * in production; list your host names")),
    ),
    summary="Host names of this service, comma-separated.",
)
CORS_ORIGINS = Variable(
    name="CORS_ORIGINS",
    parse=parse_list,
    default=(
        "http://localhost:3000,http://localhost:8000,http://127.0.0.1:3000,http://127.0.0.1:8000"
    ),
    production_default="",
    validators=(each(validate_origin),),
    production_validators=(
        each(not_equal("*", "must not be * in production; list the origins of your front ends")),
    ),
    summary="Origins of front ends that may call the API from a browser, comma-separated.",
    hint="write origins as https://app.example.com",
)
TRUSTED_PROXIES = Variable(
    name="TRUSTED_PROXIES",
    parse=parse_list,
    validators=(each(parse_trusted_network),),
    summary="Addresses or networks of your reverse proxies, comma-separated.",
    details="""\
Only their `X-Forwarded-For` and `X-Forwarded-Proto` are used. With nginx on the same machine:
127.0.0.1. If a proxy is missing here, the log shows it as the client, and forms of the browsable
API fail behind TLS.""",
    hint="list addresses or networks, as 127.0.0.1, 10.1.0.0/24",
)
STORE_URL = Variable(
    name="STORE_URL",
    parse=str,
    default="memory://",
    validators=(check_url,),
    summary="Where accounts are stored: `memory://`, `file:///path/accounts.jsonl`, "
    "`valkey://host:6379/0` and others.",
    details="""\
  memory://                              in this process; a restart deletes all accounts
  file:///var/lib/accounts/accounts.jsonl    in a file, for one process; each change is on disk
                                         before its response is sent
  valkey://user:password@host:6379/0     in Valkey or Redis, for many processes and machines;
                                         valkeys:// and rediss:// with TLS (?ssl_ca_certs=/path),
                                         redis+cluster://host:port,host:port
                                         redis+sentinel://user:password@host:port,host:port/service/0
Write special characters in a user, password or path as %XX.""",
)
ACCESS_TOKEN_EXPIRE_MINUTES = Variable(
    name="ACCESS_TOKEN_EXPIRE_MINUTES",
    parse=parse_number,
    default="15",
    validators=(validate_positive,),
    summary="How many minutes an access token is valid; fractions are allowed.",
    hint="set minutes, such as 15 or 0.5",
)
REFRESH_TOKEN_EXPIRE_DAYS = Variable(
    name="REFRESH_TOKEN_EXPIRE_DAYS",
    parse=parse_number,
    default="7",
    validators=(validate_positive, in_range(0, 3650)),
    summary="How many days a session lasts after its login; fractions are allowed.",
    hint="set days, such as 7",
)
ROTATE_REFRESH_TOKENS = Variable(
    name="ROTATE_REFRESH_TOKENS",
    parse=parse_boolean,
    default="false",
    summary="`true`: each refresh returns a new refresh token, which replaces the old one.",
    details="If an old one is used again, its session ends.",
)
REFRESH_REUSE_GRACE_SECONDS = Variable(
    name="REFRESH_REUSE_GRACE_SECONDS",
    parse=parse_number,
    default="10",
    validators=(in_range(0),),
    summary="How many seconds a just-rotated refresh token may be retried; 0 disables retries.",
    hint="set seconds, such as 10",
)
BCRYPT_ROUNDS = Variable(
    name="BCRYPT_ROUNDS",
    parse=parse_integer,
    default="12",
    validators=(in_range(4, 16),),
    production_validators=(in_range(10, 16),),
    summary="The cost of bcrypt, 4 to 16; each step doubles the time of a login.",
    details="In production at least 10.",
)
SEED_USERS_FILE = Variable(
    name="SEED_USERS_FILE",
    parse=parse_path,
    summary="A file of accounts that are added at startup if they are missing.",
    details="`python manage.py make_users` writes one.",
)
REJECT_COMMON_PASSWORDS = Variable(
    name="REJECT_COMMON_PASSWORDS",
    parse=parse_boolean,
    default="false",
    summary="`true`: new passwords must not be among the 20,000 most common ones.",
)
BROWSABLE_API = Variable(
    name="BROWSABLE_API",
    parse=parse_boolean,
    default="true",
    production_default="false",
    summary="Enables DRF's browsable API, with its own login page.",
)
API_DOCS = Variable(
    name="API_DOCS",
    parse=parse_boolean,
    default="true",
    production_default="false",
    summary="Enables `/openapi.json`, and its pages `/docs` (Swagger UI) and `/redoc`.",
)
METRICS = Variable(
    name="METRICS",
    parse=parse_boolean,
    default="true",
    summary="Enables Prometheus metrics at `/metrics`, without authentication.",
    details="Block this path at your public proxy.",
)
LOG_LEVEL = Variable(
    name="LOG_LEVEL",
    parse=str,
    default="INFO",
    validators=(one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),),
    summary="`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.",
)
LOG_FORMAT = Variable(
    name="LOG_FORMAT",
    parse=str,
    default="console",
    production_default="json",
    validators=(one_of("json", "console"),),
    summary="`console` for people, `json` for programs.",
    details="`console` uses colors on a terminal; NO_COLOR=1 disables them.",
)


def get_variables() -> list[Variable[Any]]:
    """Return every variable of this module, in its order."""
    return [value for value in globals().values() if isinstance(value, Variable)]
