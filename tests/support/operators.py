"""What an operator does with a service's accounts."""

from functools import cache

from accounts.domain.administration import AccountAdministration
from accounts.domain.errors import DuplicateEmail
from accounts.domain.interfaces import NormalizedPassword
from accounts.domain.service import AccountService
from accounts.domain.users import normalize_email
from accounts.seeds.loader import SeedLoader
from accounts.seeds.reader import SeedUser
from tests.support.django_hashes import make_django_hash


@cache
def hash_as_other_software(password: str) -> str:
    return make_django_hash("pbkdf2_sha256", password)


def import_account(service: AccountService, email: str, password: str) -> None:
    """Import an account with another software's hash. Raises `DuplicateEmail`."""
    seed = SeedUser(normalize_email(email), hash_as_other_software(password))
    if not SeedLoader([seed], service.store, service.hasher, service.clock).load():
        raise DuplicateEmail


def administer(service: AccountService, action: str, email: str, password: str) -> None:
    """Do what the command `accounts` does. `password` is for `set_password`."""
    admin = AccountAdministration(store=service.store, hasher=service.hasher, emit=service.emit)
    arguments = [NormalizedPassword(password)] if action == "set_password" else []
    getattr(admin, action)(normalize_email(email), *arguments)
