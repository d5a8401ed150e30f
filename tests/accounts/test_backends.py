from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, cast

import pytest
from django.contrib.auth import authenticate

from accounts.backends import AuthenticatedUser
from accounts.domain.errors import HashingOverloaded
from accounts.domain.users import EmailAddress
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy
from accounts.services import Services
from tests.support.api import EMAIL, PASSWORD

T = TypeVar("T")


@pytest.fixture
def services(start: Callable[..., Services]) -> Services:
    services = start()
    services.accounts.register(EmailAddress(EMAIL), PASSWORD)
    return services


@pytest.mark.usefixtures("services")
def test_authenticate_finds_the_user_in_the_store() -> None:
    user = cast(AuthenticatedUser, authenticate(email=f" {EMAIL.upper()}", password=PASSWORD))
    assert (user.email, user.pk, user.get_username(), str(user)) == (EMAIL, EMAIL, EMAIL, EMAIL)
    assert user.backend == "accounts.backends.AccountBackend"


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "wrong password"), ("nobody@example.com", PASSWORD), ("no e-mail", PASSWORD)],
)
def test_authenticate_returns_nobody_for_wrong_credentials(email: str, password: str) -> None:
    assert authenticate(email=email, password=password) is None


def test_a_login_upgrades_a_hash_of_another_cost(
    services: Services, start: Callable[..., Services]
) -> None:
    user = services.accounts.store.get_user(EmailAddress(EMAIL))
    assert user is not None
    dearer = start(BCRYPT_ROUNDS=5)
    dearer.accounts.store.add_user(user)
    authenticate(email=EMAIL, password=PASSWORD)
    upgraded = dearer.accounts.store.get_user(EmailAddress(EMAIL))
    assert upgraded is not None
    assert "$2b$05$" in upgraded.password_hash
    assert upgraded.security_stamp == user.security_stamp
    assert authenticate(email=EMAIL, password=PASSWORD) is not None


def test_an_upgrade_leaves_a_password_alone_that_was_changed_meanwhile(
    services: Services, start: Callable[..., Services]
) -> None:
    service = services.accounts
    before = service.authenticate(EmailAddress(EMAIL), PASSWORD)
    dearer = start(BCRYPT_ROUNDS=5).accounts
    changed = replace(before, password_hash="changed meanwhile")
    dearer.store.add_user(changed)
    dearer._upgrade_hash(before, PASSWORD)
    assert dearer.store.get_user(EmailAddress(EMAIL)) == changed


class OnceOnlyPool(HashingExecutor):
    """Has a place for one function in its life."""

    used = False

    def run(self, function: Callable[[], T]) -> T:
        if self.used:
            raise HashingOverloaded
        self.used = True
        return super().run(function)


def test_a_login_succeeds_though_its_upgrade_has_no_place_to_hash(
    start: Callable[..., Services],
) -> None:
    user = start().accounts.register(EmailAddress(EMAIL), PASSWORD)
    service = start(BCRYPT_ROUNDS=5).accounts
    service.store.add_user(user)
    policy = PasswordPolicy(reject_common=False)
    service._hasher = BcryptHasher(rounds=5, policy=policy, pool=OnceOnlyPool(threads=1))
    assert service.authenticate(EmailAddress(EMAIL), PASSWORD) == user
    assert service.store.get_user(EmailAddress(EMAIL)) == user
