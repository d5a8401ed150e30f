"""All servers that are measured: how each is started, and the paths of its API."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
PEER_PYTHON = ROOT / ".venv-bench" / "bin" / "python"

ORIGIN = "https://app.example.com"
"""The front end of the requests. Each server that has an API allows it, and sends CORS headers."""

SECRET = {"JWT_SECRET_KEY": "the-secret-of-the-benchmark-is-long-enough"}
PEER_ENVIRONMENT = SECRET | {"CORS_ORIGINS": ORIGIN}
WITHOUT_CORS = {"CORS_ORIGINS": ""}

PASSWORD = "correct horse battery"

# All settings, with production's defaults, so that the developer's .env changes none.
SERVICE_ENVIRONMENT = SECRET | {
    "DJANGO_SETTINGS_MODULE": "authproject.settings",
    "JWT_SECRET_KEY_FALLBACKS": "",
    "ENVIRONMENT": "production",
    "ALLOWED_HOSTS": "127.0.0.1",
    "CORS_ORIGINS": ORIGIN,
    "STORE_URL": "memory://",
    "SEED_USERS_FILE": "",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "15",
    "REFRESH_TOKEN_EXPIRE_DAYS": "7",
    "ROTATE_REFRESH_TOKENS": "false",
    "REFRESH_REUSE_GRACE_SECONDS": "10",
    "BCRYPT_ROUNDS": "12",
    "REJECT_COMMON_PASSWORDS": "false",
    "BROWSABLE_API": "false",
    "API_DOCS": "false",
    "METRICS": "true",
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
}


@dataclass(frozen=True)
class Api:
    """Paths and field names. An empty path is one that the server does not have."""

    profile: str
    ready: str
    register: str = ""
    login: str = ""
    refresh: str = ""
    account: Mapping[str, str] = field(default_factory=dict)
    access_field: str = "access_token"
    refresh_field: str = "refresh_token"


OURS = Api(
    profile="/api/v1/protected/profile",
    ready="/health",
    register="/api/v1/auth/register",
    login="/api/v1/auth/login",
    refresh="/api/v1/auth/refresh",
    account={"email": "bench@example.com", "password": PASSWORD},
)
DJOSER_API = Api(
    profile="/auth/users/me/",
    ready="/auth/users/me/",
    register="/auth/users/",
    login="/auth/jwt/create/",
    refresh="/auth/jwt/refresh/",
    account={"username": "bench", "password": PASSWORD},
    access_field="access",
    refresh_field="refresh",
)
NONE = Api(profile="/", ready="/")


@dataclass(frozen=True)
class ServerSpec:
    """How to start a server. `{port}` in the command is replaced by its port."""

    name: str
    command: tuple[str, ...]
    api: Api = OURS
    python: str = sys.executable
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=lambda: SERVICE_ENVIRONMENT)
    prepare: tuple[str, ...] = ()
    origin: str = ORIGIN
    """The `Origin` of its requests."""


def without_cors(spec: ServerSpec, name: str) -> ServerSpec:
    """Return the server without CORS middleware, for requests without an `Origin`."""
    return replace(spec, name=name, environment={**spec.environment, **WITHOUT_CORS}, origin="")


def on_granian(name: str, interface: str, application: str, threads: int, api: Api) -> ServerSpec:
    command = ("-m", "granian", "--no-ws", "--http", "1", "--port", "{port}")
    options = ("--interface", interface, "--blocking-threads", str(threads))
    return ServerSpec(name, (*command, *options, application), api)


def uvicorn(name: str, *options: str, api: Api = OURS) -> ServerSpec:
    return ServerSpec(
        name,
        ("-m", "uvicorn", "api.main:app", "--port", "{port}", *options),
        api,
        str(PEER_PYTHON),
        PEERS / "fastapi",
        PEER_ENVIRONMENT,
    )


SERVE = ("manage.py", "serve", "--port", "{port}")
SERVICE = ServerSpec("this service", SERVE)
SERVICE_WITHOUT_CORS = without_cors(SERVICE, "this service, no CORS")
FASTAPI = uvicorn("FastAPI on uvicorn")
FASTAPI_QUIET = uvicorn("FastAPI on uvicorn, no access log", "--no-access-log")
FASTAPI_WITHOUT_CORS = without_cors(FASTAPI_QUIET, "FastAPI on uvicorn, no access log, no CORS")
FASTAPI_COROUTINE = uvicorn(
    "FastAPI, refresh as a coroutine",
    "--no-access-log",
    api=replace(OURS, refresh="/api/v1/auth/refresh/coroutine"),
)
GUNICORN = ("-m", "gunicorn", "--no-control-socket")
DJOSER = ServerSpec(
    "djoser on gunicorn",
    (*GUNICORN, "project.wsgi", "--threads", "4", "--bind", "127.0.0.1:{port}"),
    DJOSER_API,
    str(PEER_PYTHON),
    PEERS / "djoser",
    PEER_ENVIRONMENT,
    prepare=("manage.py", "migrate", "--verbosity", "0"),
)
BARE_WSGI = on_granian(
    "a constant, WSGI on Granian", "wsgi", "bench.peers.bare:application", 1, NONE
)
BARE_RSGI = on_granian("a constant, RSGI on Granian", "rsgi", "bench.peers.bare:rsgi", 1, NONE)


OVER_VALKEY = "this service over Valkey"
TWO_WORKERS = "this service over Valkey, two workers"


def over_valkey(port: int) -> list[ServerSpec]:
    """Return the service with one worker and with two, each with its own database of a server."""
    return [
        ServerSpec(
            name,
            (*SERVE, "--workers", str(workers)),
            environment=SERVICE_ENVIRONMENT | {"STORE_URL": f"valkey://127.0.0.1:{port}/{workers}"},
        )
        for workers, name in enumerate([OVER_VALKEY, TWO_WORKERS], start=1)
    ]


def on_threads(threads: int) -> ServerSpec:
    """Return the service's WSGI application on Granian with so many threads."""
    name = f"WSGI on {threads} threads"
    return on_granian(name, "wsgi", "authproject.wsgi:application", threads, OURS)
