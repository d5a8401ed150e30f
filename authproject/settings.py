"""Django's settings: one file, driven by the environment. See .env.example for the variables."""

from pathlib import Path

from corsheaders.defaults import default_headers

from accounts.tokens.keys import derive_key
from authproject import __version__
from authproject.environment.reader import read_environment
from authproject.environment.variables import EXAMPLE_SECRET
from authproject.static_files import guard

BASE_DIR = Path(__file__).resolve().parent.parent
env = read_environment(BASE_DIR / ".env")

# The service's own settings.
JWT_SECRET_KEY = env.jwt_secret_key
JWT_SECRET_KEY_EXAMPLE = EXAMPLE_SECRET
JWT_SECRET_KEY_FALLBACKS = env.jwt_secret_key_fallbacks
STORE_URL = env.store_url
ACCESS_TOKEN_LIFETIME = env.access_token_lifetime
REFRESH_TOKEN_LIFETIME = env.refresh_token_lifetime
ROTATE_REFRESH_TOKENS = env.rotate_refresh_tokens
REFRESH_REUSE_GRACE_SECONDS = env.refresh_reuse_grace_seconds
BCRYPT_ROUNDS = env.bcrypt_rounds
SEED_USERS_FILE = env.seed_users_file
REJECT_COMMON_PASSWORDS = env.reject_common_passwords
BROWSABLE_API = env.browsable_api
API_DOCS = env.api_docs
METRICS = env.metrics

# One secret to keep: Django's own is derived from it and signs no token.
SECRET_KEY = derive_key(JWT_SECRET_KEY, "django secret key").hex()

# Never on: an answer with a traceback in it is a leak, in development too. Tracebacks are logged.
DEBUG = False
ALLOWED_HOSTS = env.allowed_hosts
ROOT_URLCONF = "authproject.urls"
WSGI_APPLICATION = "authproject.wsgi.application"

# simplejwt imports only where `auth` and `contenttypes` are installed; nothing asks their
# tables anything, and without a database nothing could.
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "corsheaders",
    "rest_framework",
    "accounts",
    "authproject",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.dummy"}}
AUTHENTICATION_BACKENDS = ["accounts.backends.AccountBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.BCryptSHA256PasswordHasher"]

TRUSTED_PROXIES = env.trusted_proxies
MIDDLEWARE = [
    # First: whatever comes after it sees the client, and not the proxy.
    *(["authproject.server.trusted_proxies.TrustedProxyMiddleware"] if TRUSTED_PROXIES else []),
    "authproject.monitoring.middleware.RequestIDMiddleware",
    "authproject.server.middleware.AllowedHostsMiddleware",
    # Without origins no page may read an answer, and a browser asks for no leave to say so.
    *(["corsheaders.middleware.CorsMiddleware"] if env.cors_origins else []),
    "authproject.server.middleware.BodySizeLimitMiddleware",
]
MAX_BODY_BYTES = 16 * 1024

CORS_ALLOW_ALL_ORIGINS = "*" in env.cors_origins
CORS_ALLOWED_ORIGINS = [origin for origin in env.cors_origins if origin != "*"]
CORS_ALLOW_HEADERS = [*default_headers, "x-request-id"]
CORS_EXPOSE_HEADERS = ["retry-after", "www-authenticate", "x-request-id"]

authenticators = ["accounts.authentication.JWTAuthentication"]
renderers = ["accounts.rest.renderers.JSONRenderer"]
parsers = ["accounts.rest.parsers.JSONParser"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": authenticators,
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": renderers,
    "DEFAULT_PARSER_CLASSES": parsers,
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accounts.rest.negotiation.CachedContentNegotiation",
    "EXCEPTION_HANDLER": "accounts.rest.exceptions.exception_handler",
}

USE_I18N = False
TIME_ZONE = "UTC"

if BROWSABLE_API or API_DOCS:
    INSTALLED_APPS.append("django.contrib.staticfiles")
    # Serves the pages' own CSS and JavaScript, whichever server runs; after every judgement.
    MIDDLEWARE.append("whitenoise.middleware.WhiteNoiseMiddleware")
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_ADD_HEADERS_FUNCTION = guard
    STATIC_URL = "static/"
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

if BROWSABLE_API:
    MIDDLEWARE += [
        # Around Django's, whose cookie it keeps on https, too.
        "accounts.browsable.middleware.CookieMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ]
    # Its own login, in cookies. The bearer token wins: that is asked first.
    authenticators += ["accounts.browsable.authentication.CookieAuthentication"]
    CSRF_COOKIE_NAME = "browsable_csrf"
    CSRF_COOKIE_HTTPONLY = True
    CSRF_COOKIE_SAMESITE = "Strict"
    renderers += ["accounts.browsable.renderers.EndpointRenderer"]
    # What its HTML forms send.
    parsers += ["accounts.rest.parsers.FormParser", "accounts.rest.parsers.MultiPartParser"]

if API_DOCS:
    INSTALLED_APPS += ["drf_spectacular", "drf_spectacular_sidecar"]
    REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] = "drf_spectacular.openapi.AutoSchema"
    SPECTACULAR_SETTINGS = {
        "TITLE": "authproject",
        "VERSION": __version__,
        "DESCRIPTION": (
            "Register, log in, refresh, and protected endpoints, with JWT and without a database. "
            "Every error has the one shape of `Error`; every response names its request in "
            "`X-Request-ID`."
        ),
        "LICENSE": {"name": "MIT", "identifier": "MIT"},
        "OAS_VERSION": "3.1.0",
        "POSTPROCESSING_HOOKS": ["authproject.openapi.responses.complete_responses"],
        "SORT_OPERATIONS": False,  # they are listed as in urls.py
        # The same with and without the browsable API, whose forms and pages are for people.
        "AUTHENTICATION_WHITELIST": ["accounts.authentication.JWTAuthentication"],
        "PARSER_WHITELIST": ["accounts.rest.parsers.JSONParser"],
        "RENDERER_WHITELIST": ["accounts.rest.renderers.JSONRenderer"],
    }

# Tokens are issued with the lifetimes above; these names serve simplejwt's own base classes.
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "USER_ID_FIELD": "email",
    "USER_ID_CLAIM": "sub",
    "TOKEN_TYPE_CLAIM": "type",
}

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "authproject.monitoring.access_log.RequestIDFilter"},
        "bugs": {"()": "authproject.monitoring.access_log.ExceptionsOnlyFilter"},
    },
    "formatters": {
        "json": {"()": "authproject.monitoring.formatters.JSONLineFormatter"},
        "console": {"()": "authproject.monitoring.formatters.ConsoleFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": env.log_format,
        }
    },
    "root": {"handlers": ["stderr"], "level": env.log_level},
    "loggers": {
        "django": {"level": "INFO", "handlers": [], "propagate": True},
        # What a client did wrong, or a passing fault, is on its access line; these are bugs.
        "django.request": {"level": "ERROR", "filters": ["bugs"]},
        "django.security": {"level": "CRITICAL"},
        # runserver's own access lines; ours say more.
        "django.server": {"level": "ERROR", "filters": ["bugs"], "handlers": [], "propagate": True},
    },
}
