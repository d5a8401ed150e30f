from collections.abc import Callable
from typing import cast

import pytest
from django.contrib.auth import authenticate

from accounts.backends import AuthenticatedUser
from accounts.services import Services
from tests.support.api import PASSWORD
from tests.support.passwords import NORMALIZED
from tests.support.stores import EMAIL


@pytest.fixture(autouse=True)
def account(start: Callable[..., Services]) -> None:
    start().accounts.register(EMAIL, NORMALIZED)


def test_authenticate_returns_the_stored_user() -> None:
    user = cast(AuthenticatedUser, authenticate(email=f" {EMAIL.upper()}", password=PASSWORD))
    assert (user.email, user.pk, user.get_username(), str(user)) == (EMAIL, EMAIL, EMAIL, EMAIL)
    assert user.backend == "accounts.backends.AccountBackend"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "wrong password"),
        (EMAIL, "short"),
        ("unknown@example.com", PASSWORD),
        ("no e-mail", PASSWORD),
    ],
)
def test_authenticate_wrong_credentials_returns_none(email: str, password: str) -> None:
    assert authenticate(email=email, password=password) is None
