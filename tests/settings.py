"""The project's settings in a fixed environment, independent of the developer's `.env`."""

import os

TEST_ENVIRONMENT = {
    "JWT_SECRET_KEY": "the-secret-of-the-tests-is-long-enough",
    "JWT_SECRET_KEY_FALLBACKS": "",
    "ENVIRONMENT": "development",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "CORS_ORIGINS": "http://localhost:3000",
    "CORS_ALLOW_HEADERS": "traceparent,tracestate,baggage,sentry-trace,idempotency-key,"
    "cache-control",
    "TRUSTED_PROXIES": "",
    "URL_PREFIX": "",
    "STORE_URL": "memory://",
    "SEED_USERS_FILE": "",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "15",
    "REFRESH_TOKEN_EXPIRE_DAYS": "7",
    "REFRESH_TOKEN_SHORT_DAYS": "1",
    "ROTATE_REFRESH_TOKENS": "false",
    "REFRESH_REUSE_GRACE_SECONDS": "10",
    "REFRESH_TOKEN_SLIDING_DAYS": "",
    "REFRESH_TOKEN_COOKIE": "false",
    "REFRESH_TOKEN_COOKIE_SAMESITE": "Strict",
    "TRACK_SESSIONS": "false",
    "BCRYPT_ROUNDS": "4",
    "REJECT_COMMON_PASSWORDS": "false",
    "BROWSABLE_API": "true",
    "API_DOCS": "true",
    "METRICS": "true",
    "LOG_LEVEL": "DEBUG",
    "LOG_FORMAT": "json",
}
os.environ.update(TEST_ENVIRONMENT)

from authproject.settings import *  # noqa: E402, F403  # only after the environment is set

# Files are looked up when they are requested. Otherwise each test client reads all of them: 10 ms.
WHITENOISE_AUTOREFRESH = True
