"""Registration, login, refresh."""

import jwt
from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter, HTTPException, status

from api.auth.password import hash_password, verify_password
from api.auth.storage import storage
from api.auth.tokens import create_access_token, create_refresh_token, decode_token
from api.config import settings
from api.dependencies import unauthorized
from api.models import (
    AccessTokenResponse,
    Credentials,
    RefreshRequest,
    RegisterResponse,
    TokenResponse,
)

router = APIRouter(prefix="/api/v1/auth")


# bcrypt would hold up the event loop for a quarter of a second: plain functions run in threads.
@router.post("/register", status_code=status.HTTP_201_CREATED)
def register(body: Credentials) -> RegisterResponse:
    try:
        email = validate_email(body.email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "Invalid email format") from error
    if len(body.password) < settings.MIN_PASSWORD_LENGTH:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "Password is too short")
    if storage.user_exists(email):
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "Email already registered")
    storage.add_user(email, hash_password(body.password))
    return RegisterResponse(message="User registered", email=email)


@router.post("/login")
def login(body: Credentials) -> TokenResponse:
    user = storage.get_user(body.email.lower())
    if user is None or not verify_password(body.password, user["password_hash"]):
        raise unauthorized("Invalid credentials")
    data = {"sub": user["email"]}
    return TokenResponse(
        access_token=create_access_token(data), refresh_token=create_refresh_token(data)
    )


# The design names one coroutine, `get_current_user`: its handlers are plain functions.
@router.post("/refresh")
def refresh(body: RefreshRequest) -> AccessTokenResponse:
    return refreshed(body)


# What a developer who knows FastAPI would make of it, since nothing in it waits.
@router.post("/refresh/coroutine")
async def refresh_coroutine(body: RefreshRequest) -> AccessTokenResponse:
    return refreshed(body)


def refreshed(body: RefreshRequest) -> AccessTokenResponse:
    try:
        claims = decode_token(body.refresh_token)
    except jwt.InvalidTokenError as error:
        raise unauthorized("Invalid or expired refresh token") from error
    if claims.get("type") != "refresh":
        raise unauthorized("Invalid token type")
    return AccessTokenResponse(access_token=create_access_token({"sub": claims["sub"]}))
