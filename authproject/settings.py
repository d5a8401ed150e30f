"""Django's settings, from the environment. `environment/variables.py` declares the variables."""

from datetime import timedelta
from operator import attrgetter
from wsgiref.headers import Headers

from corsheaders.defaults import default_headers

from accounts.tokens.keys import derive_key
from authproject import __version__
from authproject.environment.reader import read_environment

env = read_environment()

# The settings of the app `accounts`: see accounts/conf.py.
ACCOUNTS = {
    "SECRET_KEY": env.JWT_SECRET_KEY,
    "SECRET_KEY_FALLBACKS": env.JWT_SECRET_KEY_FALLBACKS,
    "STORE_URL": env.STORE_URL,
    "SEED_USERS_FILE": env.SEED_USERS_FILE,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.ACCESS_TOKEN_EXPIRE_MINUTES),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.REFRESH_TOKEN_EXPIRE_DAYS),
    "REFRESH_TOKEN_SHORT_LIFETIME": timedelta(days=env.REFRESH_TOKEN_SHORT_DAYS),
    "ROTATE_REFRESH_TOKENS": env.ROTATE_REFRESH_TOKENS,
    "REFRESH_REUSE_GRACE_SECONDS": env.REFRESH_REUSE_GRACE_SECONDS,
    "REFRESH_TOKEN_SLIDING_LIFETIME": env.REFRESH_TOKEN_SLIDING_DAYS
    and timedelta(days=env.REFRESH_TOKEN_SLIDING_DAYS),
    "REFRESH_TOKEN_COOKIE": env.REFRESH_TOKEN_COOKIE,
    "REFRESH_TOKEN_COOKIE_SAMESITE": env.REFRESH_TOKEN_COOKIE_SAMESITE,
    "TRACK_SESSIONS": env.TRACK_SESSIONS,
    "BCRYPT_ROUNDS": env.BCRYPT_ROUNDS,
    "REJECT_COMMON_PASSWORDS": env.REJECT_COMMON_PASSWORDS,
}

# The service's own settings.
ENVIRONMENT = env.ENVIRONMENT
TRUSTED_PROXIES = env.TRUSTED_PROXIES
BROWSABLE_API = env.BROWSABLE_API
API_DOCS = env.API_DOCS
METRICS = env.METRICS

# Derived, so that there is only one secret to configure. It signs no token.
SECRET_KEY = derive_key(env.JWT_SECRET_KEY, "django secret key").hex()

# Off in development too: no response may contain a traceback. Tracebacks are logged.
DEBUG = False
ALLOWED_HOSTS = env.ALLOWED_HOSTS
FORCE_SCRIPT_NAME = env.URL_PREFIX or None
ROOT_URLCONF = "authproject.urls"
WSGI_APPLICATION = "authproject.wsgi.application"

# simplejwt cannot be imported without `auth` and `contenttypes`. Their tables are not used.
INSTALLED_APPS = [
    "authproject",  # before auth, because it replaces some of its commands
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "corsheaders",
    "accounts",  # before DRF, because it replaces one of its templates
    "rest_framework",
]
SILENCED_SYSTEM_CHECKS = [
    # Middleware of this service sets these headers, and its proxy sets HSTS.
    *("security.W001", "security.W002"),
    # The app checks CSRF itself where a cookie counts, and marks its cookies Secure over https.
    *("security.W003", "security.W016"),
]
DATABASES = {"default": {"ENGINE": "django.db.backends.dummy"}}
AUTHENTICATION_BACKENDS = ["accounts.backends.AccountBackend"]

MIDDLEWARE = [
    # First, so that all others see the address of the client instead of the proxy's.
    *(["authproject.server.trusted_proxies.TrustedProxyMiddleware"] if TRUSTED_PROXIES else []),
    "authproject.monitoring.middleware.RequestMiddleware",
    "authproject.server.middleware.OriginLogMiddleware",
    # Before the check of the Host, so that a front end can read the error about its Host.
    *(["authproject.server.cors.CachedCorsMiddleware"] if env.CORS_ORIGINS else []),
    "authproject.server.middleware.AllowedHostsMiddleware",
    "authproject.server.middleware.RequestLimitsMiddleware",
]

CORS_ALLOW_ALL_ORIGINS = "*" in env.CORS_ORIGINS
CORS_ALLOWED_ORIGINS = [origin for origin in env.CORS_ORIGINS if origin != "*"]
CORS_ALLOW_HEADERS = [*default_headers, "x-request-id", *env.CORS_ALLOW_HEADERS]
CORS_EXPOSE_HEADERS = ["retry-after", "www-authenticate", "x-request-id"]
# Browsers send and keep the cookie of another origin only with it.
CORS_ALLOW_CREDENTIALS = env.REFRESH_TOKEN_COOKIE
CSRF_TRUSTED_ORIGINS = CORS_ALLOWED_ORIGINS if env.REFRESH_TOKEN_COOKIE else []

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


def add_security_headers(headers: Headers, path: str, url: str) -> None:
    """Disable scripts and framing in static HTML files. Swagger UI brings one that nothing uses."""
    if path.endswith(".html"):
        headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        headers["X-Frame-Options"] = "DENY"


if BROWSABLE_API or API_DOCS:
    INSTALLED_APPS.append("django.contrib.staticfiles")
    # Last, so that requests for static files pass the same checks as all others.
    MIDDLEWARE.append("whitenoise.middleware.WhiteNoiseMiddleware")
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_ADD_HEADERS_FUNCTION = add_security_headers
    STATIC_URL = "static/"
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

if BROWSABLE_API:
    MIDDLEWARE += [
        # Before Django's CSRF middleware, because it changes the attributes of that one's cookie.
        "accounts.browsable.middleware.CookieMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ]
    # After JWTAuthentication, so that a bearer token has precedence over the login cookie.
    authenticators += ["accounts.browsable.authentication.CookieAuthentication"]
    CSRF_COOKIE_NAME = "browsable_csrf"
    CSRF_COOKIE_HTTPONLY = True
    CSRF_COOKIE_PATH = f"{env.URL_PREFIX}/"
    CSRF_COOKIE_SAMESITE = "Strict"
    renderers += ["accounts.browsable.renderers.EndpointRenderer"]
    parsers += ["accounts.rest.parsers.FormParser", "accounts.rest.parsers.MultiPartParser"]

if API_DOCS:
    INSTALLED_APPS += ["drf_spectacular", "drf_spectacular_sidecar"]
    REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] = "authproject.openapi.schema.Schema"
    SPECTACULAR_SETTINGS = {
        "TITLE": "authproject",
        "VERSION": __version__,
        "DESCRIPTION": "Registration, login, refresh and protected endpoints, with JWT and without "
        "a database. Every error has the schema `ApiError`. Every response has an `X-Request-ID`.",
        "LICENSE": {"name": "MIT", "identifier": "MIT"},
        "OAS_VERSION": "3.1.0",
        "SORT_OPERATIONS": "authproject.openapi.operations.get_position",
        "POSTPROCESSING_HOOKS": [],  # The default would replace each list of codes by a schema.
        "SERVERS": [{"url": env.URL_PREFIX or "/", "description": "The host of this document."}],
        "TAGS": [
            {"name": "auth", "description": "Accounts, their passwords and their tokens."},
            {"name": "protected", "description": "Endpoints that need an access token."},
            {"name": "service", "description": "Health, metrics and documents of the service."},
        ],
        # The document is the same with and without the browsable API.
        "AUTHENTICATION_WHITELIST": ["accounts.authentication.JWTAuthentication"],
        "PARSER_WHITELIST": ["accounts.rest.parsers.JSONParser"],
        "RENDERER_WHITELIST": ["accounts.rest.renderers.JSONRenderer"],
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "bugs": {"()": "django.utils.log.CallbackFilter", "callback": attrgetter("exc_info")},
    },
    "formatters": {
        "json": {"()": "authproject.monitoring.formatters.JSONLineFormatter"},
        "console": {"()": "authproject.monitoring.formatters.ConsoleFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "authproject.monitoring.handlers.BatchingStreamHandler",
            "formatter": env.LOG_FORMAT,
        }
    },
    "root": {"handlers": ["stderr"], "level": env.LOG_LEVEL},
    "loggers": {
        "django": {"level": "INFO", "handlers": [], "propagate": True},
        # Only unhandled exceptions; other errors are in the access log.
        "django.request": {"level": "ERROR", "filters": ["bugs"]},
        "django.security": {"level": "CRITICAL"},
        # Replaces runserver's access log by that of `authproject.monitoring`.
        "django.server": {"level": "ERROR", "filters": ["bugs"], "handlers": [], "propagate": True},
    },
}
