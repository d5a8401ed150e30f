"""Every setting, told once: its name, its defaults, and what the documents say of it.

`reader.py` reads the environment by these; `generate_docs.py` writes the README's
table and `.env.example` from them. Standard library only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

EXAMPLE_SECRET = "an-example-that-everybody-knows-so-replace-it"  # noqa: S105  # refused in production
MAX_TOKEN_DAYS = 3650.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Generic[T]):
    """A variable of the environment."""

    name: str
    development: T
    """The default; of a required variable only an example."""
    production: T | None = None
    """The default in production, where it is another one."""
    required: bool = False
    summary: str
    """One line, for the README's table and `.env.example`."""
    details: str = ""
    """More lines for `.env.example`."""
    hint: str = ""
    """How to mend a value that was refused, where the refusal itself does not say so."""

    def default(self, production: bool) -> T:
        if production and self.production is not None:
            return self.production
        return self.development


JWT_SECRET_KEY = Variable(
    name="JWT_SECRET_KEY",
    development=EXAMPLE_SECRET,
    required=True,
    summary="The one secret: it signs the tokens; 32 bytes or more.",
    details="This value is refused in production.",
    hint="Remove .env and `python -m authproject.init_env` writes a fresh one.",
)
JWT_SECRET_KEY_FALLBACKS: Variable[list[str]] = Variable(
    name="JWT_SECRET_KEY_FALLBACKS",
    development=[],
    summary="Earlier secrets, comma-separated: what they signed stays good until it expires.",
    hint="Separate the earlier secrets by commas, or leave it out.",
)
ENVIRONMENT = Variable(
    name="ENVIRONMENT",
    development="development",
    summary="`development` or `production`: chooses among the defaults below.",
)
ALLOWED_HOSTS: Variable[list[str]] = Variable(
    name="ALLOWED_HOSTS",
    development=["localhost", "127.0.0.1", "[::1]"],
    production=[],
    summary="Host names that the service answers for, comma-separated.",
)
CORS_ORIGINS: Variable[list[str]] = Variable(
    name="CORS_ORIGINS",
    development=[
        f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (3000, 8000)
    ],
    production=[],
    summary="Origins of the front ends that may call from a browser, comma-separated.",
)
TRUSTED_PROXIES: Variable[list[str]] = Variable(
    name="TRUSTED_PROXIES",
    development=[],
    summary="Addresses or networks of the proxies in front, comma-separated: from them alone "
    "`X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    details="""\
With nginx on the same machine: 127.0.0.1. Without it, every client is the proxy in the log, and
the browsable API's forms are refused behind TLS.""",
)
STORE_URL = Variable(
    name="STORE_URL",
    development="memory://",
    summary="Where accounts are kept: `memory://`, `file:///path/accounts.jsonl`, "
    "`valkey://host:6379/0` and its kin.",
    details="""\
  memory://                              this process; a restart forgets them
  file:///var/lib/accounts/accounts.jsonl    a file; one process, nothing that was answered is lost
  valkey://user:password@host:6379/0     Valkey or Redis, for any number of processes and machines;
                                         valkeys:// and rediss:// with TLS (?ssl_ca_certs=/path),
                                         redis+cluster://host:port,host:port
                                         redis+sentinel://user:password@host:port,host:port/service/0
Special characters in a user, password or path are written as %XX.""",
)
ACCESS_TOKEN_EXPIRE_MINUTES = Variable(
    name="ACCESS_TOKEN_EXPIRE_MINUTES",
    development=15.0,
    summary="How long an access token lives; a fraction lets you see one expire.",
    hint="Set minutes above 0, such as 15 or 0.5.",
)
REFRESH_TOKEN_EXPIRE_DAYS = Variable(
    name="REFRESH_TOKEN_EXPIRE_DAYS",
    development=7.0,
    summary="How long a login lasts: its refresh tokens end then.",
    hint=f"Set days above 0 and up to {MAX_TOKEN_DAYS:.0f}, such as 7.",
)
ROTATE_REFRESH_TOKENS = Variable(
    name="ROTATE_REFRESH_TOKENS",
    development=False,
    summary="`true`: a refresh token serves once, and a copy used later ends its session.",
)
REFRESH_REUSE_GRACE_SECONDS = Variable(
    name="REFRESH_REUSE_GRACE_SECONDS",
    development=10.0,
    summary="For so long the token before the last one gets the same answer again; 0 is strict.",
    hint="Set seconds from 0, such as 10.",
)
BCRYPT_ROUNDS = Variable(
    name="BCRYPT_ROUNDS",
    development=12,
    summary="bcrypt's cost, 4 to 16, in production 10 or more; "
    "each step doubles the time of a login.",
    hint="Set a whole number from 4 to 16; in production 10 or more.",
)
SEED_USERS_FILE = Variable(
    name="SEED_USERS_FILE",
    development="",
    summary="Accounts that are there from the start, in any store; "
    "`python manage.py make_users` writes such a file.",
)
REJECT_COMMON_PASSWORDS = Variable(
    name="REJECT_COMMON_PASSWORDS",
    development=False,
    summary="`true`: refuse the 20,000 most common passwords, wherever one is set.",
)
BROWSABLE_API = Variable(
    name="BROWSABLE_API",
    development=True,
    production=False,
    summary="The browsable API, with a login of its own.",
)
API_DOCS = Variable(
    name="API_DOCS",
    development=True,
    production=False,
    summary="The API described: `/openapi.json`, and `/docs` and `/redoc` for people.",
)
METRICS = Variable(
    name="METRICS",
    development=True,
    summary="Prometheus metrics at `/metrics`, to whoever asks: keep it off the public proxy.",
)
LOG_LEVEL = Variable(
    name="LOG_LEVEL",
    development="INFO",
    summary="`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.",
)
LOG_FORMAT = Variable(
    name="LOG_FORMAT",
    development="console",
    production="json",
    summary="`console` for people, `json` for machines.",
    details="The console is in colour on a terminal; NO_COLOR=1 turns that off.",
)


def variables() -> Iterator[Variable[Any]]:
    """Yield every variable, in the order of this module."""
    return (value for value in globals().values() if isinstance(value, Variable))
