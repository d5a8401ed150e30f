"""Every setting, declared once: its parser, its defaults and its description.

`reader.py` reads the settings in the order of `Environment`. `generate_docs.py` writes
`.env.example` and the table in docs/reference/settings.md from them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Generic, TypeVar

from accounts.conf import (
    BCRYPT_ROUNDS,
    GRACE_SECONDS,
    MAX_SESSION_DAYS,
    MIN_ROUNDS_IN_PRODUCTION,
    SAMESITE,
    validate_store_url,
)
from authproject.environment.parsers import (
    build_choice_parser,
    build_list_parser,
    build_parser,
    parse_boolean,
    parse_path,
    parse_secret,
    validate_allowed_host,
    validate_header_name,
    validate_origin,
    validate_unquoted,
)
from authproject.server.trusted_proxies import parse_trusted_network

T = TypeVar("T")

PRODUCTION = "production"
URL_PREFIX_RE = re.compile(r"(/(?!\.+(/|$))[A-Za-z0-9._~-]+)*")
EXAMPLE_SECRET = "an-example-that-everybody-knows-so-replace-it"  # noqa: S105  # refused in production


@dataclass
class Variable(Generic[T]):
    """An environment variable. Defaults are written as in `.env`."""

    parse: Callable[[str], T]
    summary: str
    """One sentence for `.env.example` and the table of settings."""
    default: str = ""
    production_default: str | None = None
    """The default in production, if it differs."""
    example: str = ""
    """For a required variable: the value in `.env.example`."""
    is_allowed_in_production: Callable[[T], bool] = lambda _: True
    details: str = ""
    """More lines for `.env.example`."""
    hint: str = ""
    """How to correct a refused value, if the errors of the parser do not say so."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, environment: "Environment", owner: type) -> T:
        value: T = environment.values[self.name]
        return value

    def read(self, text: str | None, *, production: bool) -> T:
        """Return the value of `text`, or of the default. Raises `ValueError`."""
        if text is None:
            text = self.default
            if production and self.production_default is not None:
                text = self.production_default
        validate_unquoted(text)
        try:
            return self._parse_valid(text, production=production)
        except ValueError as error:
            raise ValueError("; ".join(filter(None, (str(error), self.hint)))) from None

    def _parse_valid(self, text: str, *, production: bool) -> T:
        value = self.parse(text)
        if production and not self.is_allowed_in_production(value):
            raise ValueError("is not allowed in production")
        return value


BooleanVariable = partial(Variable, parse_boolean)


parse_days = build_parser(
    float,
    lambda days: 0 < days <= MAX_SESSION_DAYS,
    f"must be days above 0, at most {MAX_SESSION_DAYS}",
)


def parse_optional_days(text: str) -> float | None:
    return parse_days(text) if text else None


def parse_store_url(text: str) -> str:
    validate_store_url(text)
    return text


class Environment:
    """The settings: the class declares them, and an instance has their values."""

    JWT_SECRET_KEY = Variable(
        parse_secret,
        "The secret key that signs the tokens: at least 32 bytes.",
        example=EXAMPLE_SECRET,
        is_allowed_in_production=lambda secret: secret != EXAMPLE_SECRET,
        details="""
            Random text without commas; a PEM, SSH or JWK key is refused. This example is refused in
            production.
            """,
        hint="remove .env and run `python -m authproject.init_env`, which writes a new secret",
    )
    JWT_SECRET_KEY_FALLBACKS = Variable(
        build_list_parser(parse_secret),
        "Earlier secret keys, comma-separated; their tokens stay valid until they expire.",
        is_allowed_in_production=lambda secrets: EXAMPLE_SECRET not in secrets,
        hint="separate earlier secrets by commas, or remove this setting",
    )
    ENVIRONMENT = Variable(
        build_choice_parser("development", PRODUCTION),
        "`development` or `production`; some defaults below depend on it.",
        default="development",
    )
    ALLOWED_HOSTS = Variable(
        build_list_parser(validate_allowed_host),
        "Host names of this service, comma-separated.",
        default="localhost,127.0.0.1,[::1]",
        production_default="",
        is_allowed_in_production=lambda hosts: "*" not in hosts,
        details="As in the `Host` header, without a port. `.example.com` includes its subdomains.",
        hint="list host names as auth.example.com, .example.com (with its subdomains), "
        "xn--bcher-kva.example, 192.0.2.1 or [2001:db8::1], and in production not *",
    )
    CORS_ORIGINS = Variable(
        build_list_parser(validate_origin),
        "Origins of front ends that may call the API from a browser, comma-separated.",
        # React and Next.js, Angular, Vite, and the service's own address.
        default=",".join(
            f"http://{host}:{port}"
            for host in ("localhost", "127.0.0.1")
            for port in (3000, 4200, 5173, 8000)
        ),
        production_default="",
        is_allowed_in_production=lambda origins: "*" not in origins,
        details="With REFRESH_TOKEN_COOKIE they may use its cookie, so list only your own.",
        hint="list origins as https://app.example.com, and in production not *",
    )
    CORS_ALLOW_HEADERS = Variable(
        build_list_parser(validate_header_name),
        "Headers that a front end may send beside the usual ones, comma-separated.",
        default="traceparent,tracestate,baggage,sentry-trace,idempotency-key,cache-control",
        details="""
            Always allowed: Accept, Authorization, Content-Type, User-Agent, X-CSRFToken,
            X-Request-ID and X-Requested-With.
            """,
        hint="list names of headers, as x-tenant",
    )
    TRUSTED_PROXIES = Variable(
        build_list_parser(parse_trusted_network),
        "Addresses or networks of your reverse proxies, comma-separated.",
        details="""
            Only their `X-Forwarded-For` and `X-Forwarded-Proto` are used. With nginx on the same
            machine: 127.0.0.1. If a proxy is missing here, the log shows it as the client, and
            forms of the browsable API fail behind TLS.
            """,
        hint="list addresses or networks, as 127.0.0.1, 10.1.0.0/24",
    )
    URL_PREFIX = Variable(
        build_parser(
            str,
            lambda prefix: URL_PREFIX_RE.fullmatch(prefix) is not None,
            "must be a path without a slash at its end, as /accounts",
        ),
        "The path under which a reverse proxy publishes the service, as `/accounts`.",
        details="""
            The proxy removes it from the path of each request. Links, static files, cookies and the
            OpenAPI document have it.
            """,
    )
    STORE_URL = Variable(
        parse_store_url,
        "Where accounts are stored: `memory://`, `file:///path/accounts.jsonl`, "
        "`valkey://host:6379/0` and others.",
        default="memory://",
        details="""
              memory://           in this process; a restart deletes all accounts
              file:///var/lib/accounts/accounts.jsonl
                                  in a file, for one process; each change is on disk before its
                                  response is sent
              valkey://user:password@host:6379/0
                                  in Valkey or Redis, for many processes and machines
              valkey+cluster://user:password@host:port,host:port
              valkey+sentinel://user:password@host:port,host:port/service/0
                                  in a cluster, or in the server that Sentinels name
            valkeys:// instead of valkey:// uses TLS, as valkeys+cluster://; redis:// and rediss://
            mean the same. docs/operate/servers.md has the options, as ?ssl_ca_certs=/path.
            Write special characters in a user, password or path as %XX.
            """,
    )
    ACCESS_TOKEN_EXPIRE_MINUTES = Variable(
        build_parser(float, lambda minutes: 0 < minutes < inf, "must be minutes above 0, as 15"),
        "How many minutes an access token is valid; fractions are allowed.",
        default="15",
    )
    REFRESH_TOKEN_EXPIRE_DAYS = Variable(
        parse_days,
        "How many days a session lasts after its login; fractions are allowed.",
        default="7",
    )
    REFRESH_TOKEN_SHORT_DAYS = Variable(
        parse_days,
        "The same for a login with `remember_me: false`.",
        default="1",
        details="""
            If REFRESH_TOKEN_EXPIRE_DAYS is shorter than this default, such a session is as short as
            the others.
            """,
    )
    ROTATE_REFRESH_TOKENS = BooleanVariable(
        "`true`: each refresh returns a new refresh token, which replaces the old one.",
        default="false",
        details="If an old one is used again, its session ends.",
    )
    REFRESH_REUSE_GRACE_SECONDS = Variable(
        build_parser(float, *GRACE_SECONDS),
        "How many seconds a just-rotated refresh token may be retried; 0 disables retries.",
        default="10",
        details="At most 3600. A client that retries later is logged out, as a thief would be.",
    )
    REFRESH_TOKEN_SLIDING_DAYS = Variable(
        parse_optional_days,
        "How many days a session may last in all if it is used; empty disables it.",
        details="""
            With ROTATE_REFRESH_TOKENS: each refresh then returns a token of the full
            REFRESH_TOKEN_EXPIRE_DAYS, until so many days after the login.
            """,
    )
    REFRESH_TOKEN_COOKIE = BooleanVariable(
        "`true`: front ends get the refresh token in a cookie that no script can read.",
        default="false",
        details="docs/guides/browser-front-end.md shows what a front end then sends.",
    )
    REFRESH_TOKEN_COOKIE_SAMESITE = Variable(
        build_parser(str, *SAMESITE),
        "The `SameSite` attribute of this cookie: `Strict` or `Lax`.",
        default="Strict",
    )
    TRACK_SESSIONS = BooleanVariable(
        "`true`: users can list their sessions, and end one of them.",
        default="false",
        details="Each login is then recorded. A user has at most 20 sessions; the oldest ones end.",
    )
    BCRYPT_ROUNDS = Variable(
        build_parser(int, *BCRYPT_ROUNDS),
        "The cost of bcrypt, 4 to 16; each step doubles the time of a login.",
        default="12",
        is_allowed_in_production=lambda rounds: rounds >= MIN_ROUNDS_IN_PRODUCTION,
        hint="in production from 10 to 16",
        details="In production at least 10.",
    )
    SEED_USERS_FILE = Variable(
        parse_path,
        "A file of accounts that are added at startup if they are missing.",
        details="`python manage.py make_users` writes one.",
    )
    REJECT_COMMON_PASSWORDS = BooleanVariable(
        "`true`: new passwords must not be among the 20,000 most common ones.", default="false"
    )
    BROWSABLE_API = BooleanVariable(
        "Enables DRF's browsable API, with its own login page.",
        default="true",
        production_default="false",
    )
    API_DOCS = BooleanVariable(
        "Enables `/openapi.json`, and its pages `/docs` (Swagger UI) and `/redoc`.",
        default="true",
        production_default="false",
    )
    METRICS = BooleanVariable(
        "Enables Prometheus metrics at `/metrics`, without authentication.",
        default="true",
        details="Block this path at your public proxy.",
    )
    LOG_LEVEL = Variable(
        build_choice_parser("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.",
        default="INFO",
    )
    LOG_FORMAT = Variable(
        build_choice_parser("json", "console"),
        "`console` for people, `json` for programs.",
        default="console",
        production_default="json",
        details="`console` uses colors on a terminal; NO_COLOR=1 disables them.",
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values


def get_variables() -> list[Variable[Any]]:
    """Return every variable, in the order of its declaration."""
    return [value for value in vars(Environment).values() if isinstance(value, Variable)]
