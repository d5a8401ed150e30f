"""Django's authentication backend, on the account store in place of the ORM."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from accounts.domain.errors import InvalidCredentials, InvalidEmail
from accounts.domain.users import User, normalize_email
from accounts.passwords.policy import parse_password
from accounts.services import get_services


class AuthenticatedUser:
    """The `request.user`: a stored user with the attributes that Django and DRF read.

    A wrapper, because `authenticate()` sets `backend` on its result and a `User` is frozen.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = is_superuser = False
    backend: str

    def __init__(self, user: User) -> None:
        self.user = user

    @property
    def email(self) -> str:
        return self.user.email

    @property
    def profile(self) -> dict[str, Any]:
        """The fields that the project adds: a new dictionary at each access."""
        return self.user.profile

    @property
    def pk(self) -> str:
        return self.user.email

    id = pk

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Return `False`: permissions belong to the users of `django.contrib.auth`."""
        return False

    def has_perms(self, perm_list: Iterable[str], obj: object = None) -> bool:
        return not [*perm_list]

    def has_module_perms(self, app_label: str) -> bool:
        return False

    def get_username(self) -> str:
        return self.user.email

    def __str__(self) -> str:
        return self.user.email


class AccountBackend:
    """Makes `AccountService.authenticate` available to Django's `authenticate()`."""

    def authenticate(
        self, request: HttpRequest | None, email: str, password: str
    ) -> AuthenticatedUser | None:
        """Return the user, or `None` for wrong credentials. May raise `ServiceUnavailable`."""
        service = get_services().accounts
        try:
            user = service.authenticate(normalize_email(email), parse_password(password))
        except (InvalidEmail, InvalidCredentials):
            return None
        return AuthenticatedUser(user)
