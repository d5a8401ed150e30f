from collections.abc import Callable
from typing import cast

import pytest
from django.contrib.auth import authenticate

from accounts.backends import AuthenticatedUser
from accounts.core.users import EmailAddress
from accounts.runtime import Runtime
from tests.support import EMAIL, PASSWORD


@pytest.fixture
def runtime(start: Callable[..., Runtime]) -> Runtime:
    runtime = start()
    runtime.service.register(EmailAddress(EMAIL), PASSWORD)
    return runtime


@pytest.mark.usefixtures("runtime")
def test_authenticate_finds_the_user_in_the_store() -> None:
    user = cast(AuthenticatedUser, authenticate(email=f" {EMAIL.upper()}", password=PASSWORD))
    assert (user.email, user.pk, user.get_username(), str(user)) == (EMAIL, EMAIL, EMAIL, EMAIL)
    assert user.backend == "accounts.backends.AccountBackend"


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "wrong password"), ("nobody@example.com", PASSWORD), ("no e-mail", PASSWORD)],
)
def test_authenticate_returns_nobody_for_wrong_credentials(email: str, password: str) -> None:
    assert authenticate(email=email, password=password) is None


def test_a_login_upgrades_a_hash_of_another_cost(
    runtime: Runtime, start: Callable[..., Runtime]
) -> None:
    user = runtime.service.store.get_user(EmailAddress(EMAIL))
    assert user is not None
    dearer = start(BCRYPT_ROUNDS=5)
    dearer.service.store.add_user(user)
    authenticate(email=EMAIL, password=PASSWORD)
    upgraded = dearer.service.store.get_user(EmailAddress(EMAIL))
    assert upgraded is not None
    assert "$2b$05$" in upgraded.password_hash
    assert upgraded.version == user.version
    assert authenticate(email=EMAIL, password=PASSWORD) is not None
