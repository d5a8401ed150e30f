"""The endpoints under `/api/v1/`: what each takes, what it answers, how it fails."""

from accounts import serializers
from accounts.domain.errors import (
    DuplicateEmail,
    InvalidCredentials,
    InvalidEmail,
    TokenReused,
    WrongCurrentPassword,
)
from authproject.openapi import errors as fail
from authproject.openapi import response_serializers as bodies
from authproject.openapi.describe import NOTHING, answer, operation

EMAIL = "ada@example.com"
PASSWORD = {"password": "correct horse battery"}
CREDENTIALS = {"email": EMAIL, **PASSWORD}
CHANGE = {
    "current_password": PASSWORD["password"],
    "new_password": "another horse, another battery",
}
TOKEN = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhZGFAZXhhbXBsZS5jb20ifQ.c2lnbmF0dXJl"  # noqa: S105  # an example
REFRESH = {"refresh_token": TOKEN}
ACCESS = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 900}
TOKENS = {**ACCESS, **REFRESH}

AUTH = {
    "register": operation(
        "register",
        "Create an account",
        "An account is one normalised e-mail address, whatever its spelling, and a password. It "
        "opens no session: log in next.",
        answer(
            bodies.Registered,
            "The account is there.",
            {"message": "User registered", "email": EMAIL},
            status=201,
        ),
        fail.MALFORMED,
        *fail.refused("email", InvalidEmail, DuplicateEmail),
        *fail.refused("password", *fail.PASSWORDS),
        *fail.HASHING,
        body=serializers.RegisterSerializer,
        example=CREDENTIALS,
    ),
    "login": operation(
        "login",
        "Exchange e-mail and password for tokens",
        "Begins a session. Whether it was the e-mail or the password that was wrong, nobody "
        "learns, by body, headers or time.",
        answer(bodies.Tokens, "The session has begun.", TOKENS),
        fail.MALFORMED,
        *fail.refused("email", InvalidEmail),
        InvalidCredentials(),
        *fail.HASHING,
        body=serializers.LoginSerializer,
        example=CREDENTIALS,
    ),
    "refresh": operation(
        "refresh",
        "Exchange a refresh token for an access token",
        "Where refresh tokens rotate (`ROTATE_REFRESH_TOKENS`), the answer has a successor and "
        "the token is spent; a spent one used again, but for a short grace, ends its session.",
        answer(bodies.Refreshed, "A fresh access token.", ACCESS, TOKENS),
        fail.MALFORMED,
        *fail.TOKENS,
        TokenReused(),
        *fail.STORE,
        body=serializers.RefreshTokenSerializer,
        example=REFRESH,
    ),
    "logout": operation(
        "logout",
        "End a session",
        "At once, access tokens included. Any string is accepted (RFC 7009 §2.2).",
        NOTHING,
        fail.MALFORMED,
        *fail.STORE,
        body=serializers.RefreshTokenSerializer,
        example=REFRESH,
    ),
    "logout_all": operation(
        "logoutAll",
        "End every session of the user",
        "This one too, at once. A body is ignored.",
        NOTHING,
        *fail.BEARER,
        *fail.STORE,
    ),
    "password": operation(
        "changePassword",
        "Change the password",
        "Answers with tokens of a new session; every other session of the user has ended. A "
        "wrong current password is a fault of the body (400): the token is good.",
        answer(bodies.Tokens, "The password is changed.", TOKENS),
        fail.MALFORMED,
        *fail.refused("new_password", *fail.PASSWORDS),
        WrongCurrentPassword(),
        *fail.BEARER,
        *fail.HASHING,
        body=serializers.ChangePasswordSerializer,
        example=CHANGE,
    ),
}
PROFILE = operation(
    "profile",
    "Show who the token's user is",
    "An example of a protected endpoint.",
    answer(
        bodies.Profile,
        "The token is good.",
        {"email": EMAIL, "message": "This is protected data"},
    ),
    *fail.BEARER,
    *fail.STORE,
    tag="protected",
)
