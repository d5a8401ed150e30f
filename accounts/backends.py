"""Django's authentication backend: `authenticate()` asks the store, not the ORM."""

from typing import cast

from django.contrib.auth import authenticate
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.domain.errors import InvalidCredentials, InvalidEmail
from accounts.domain.service import TokenPair
from accounts.domain.users import User, normalize_email
from accounts.services import get_services


class AuthenticatedUser:
    """The `request.user` of this project: a stored user behind the attributes that Django asks for.

    `authenticate()` writes `backend` on what it returns, and a stored `User` is frozen.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    backend: str

    def __init__(self, account: User) -> None:
        self.user = account

    @property
    def email(self) -> str:
        return self.user.email

    @property
    def pk(self) -> str:
        return self.user.email

    def get_username(self) -> str:
        return self.user.email

    def __str__(self) -> str:
        return self.user.email


class AccountBackend:
    """Checks e-mail and password. May raise `ServiceUnavailable`."""

    def authenticate(
        self, request: HttpRequest | None, email: str, password: str
    ) -> AuthenticatedUser | None:
        try:
            user = get_services().accounts.authenticate(normalize_email(email), password)
        except (InvalidEmail, InvalidCredentials):
            return None
        return AuthenticatedUser(user)


def log_in(request: HttpRequest | Request, email: str, password: str) -> TokenPair:
    """Begin a session for whoever knows the password. Raises `InvalidCredentials`."""
    user = authenticate(request, email=email, password=password)
    if user is None:
        raise InvalidCredentials
    service = get_services().accounts
    return service.start_session(cast(AuthenticatedUser, user).user)
