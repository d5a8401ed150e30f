"""JWTs: made and checked."""

from datetime import UTC, datetime, timedelta

import jwt

from api.config import settings


def create_access_token(data: dict) -> str:
    lifetime = timedelta(minutes=settings.ACCESS_TOKEN_EXPIRE_MINUTES)
    return _create_token(data, "access", lifetime)


def create_refresh_token(data: dict) -> str:
    lifetime = timedelta(days=settings.REFRESH_TOKEN_EXPIRE_DAYS)
    return _create_token(data, "refresh", lifetime)


def decode_token(token: str) -> dict:
    return jwt.decode(token, settings.JWT_SECRET_KEY, algorithms=[settings.JWT_ALGORITHM])


def _create_token(data: dict, kind: str, lifetime: timedelta) -> str:
    now = datetime.now(UTC)
    claims = data | {"type": kind, "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, settings.JWT_SECRET_KEY, algorithm=settings.JWT_ALGORITHM)
