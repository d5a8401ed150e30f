"""The composition root: builds the service from Django's settings, once, when first asked."""

import time
from dataclasses import dataclass
from functools import cache
from threading import Lock

from django.conf import settings

from accounts.domain.interfaces import Clock
from accounts.domain.service import AccountService, TokenPolicy
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds import SeedLoader, SeedUser, read_seeds
from accounts.signals import emit, send_hash_queue_changed, send_password_hashed
from accounts.stores import open_store
from accounts.tokens.key_ring import KeyRing
from accounts.tokens.service import TokenService

_opening = Lock()


@dataclass(frozen=True, slots=True)
class Services:
    """What the Django modules use."""

    accounts: AccountService
    tokens: TokenService
    password_policy: PasswordPolicy
    clock: Clock


def get_services() -> Services:
    """Return this process's services.

    It is opened when first asked for, after any fork: pools and stores own threads and sockets.
    """
    with _opening:
        return _open()


@cache
def _open() -> Services:
    return build_services(time.time)


def build_services(clock: Clock) -> Services:
    """Build the services from the settings as they are now. May raise `StartupError`."""
    tokens = TokenService(
        KeyRing([settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS]), clock
    )
    password_policy = PasswordPolicy(reject_common=settings.REJECT_COMMON_PASSWORDS)
    pool = HashingExecutor(
        on_queue_change=send_hash_queue_changed, on_hash_done=send_password_hashed
    )
    hasher = BcryptHasher(rounds=settings.BCRYPT_ROUNDS, policy=password_policy, pool=pool)
    store = open_store(settings.STORE_URL, clock)
    service = AccountService(
        store=store,
        hasher=hasher,
        tokens=tokens,
        policy=TokenPolicy(
            access_lifetime=settings.ACCESS_TOKEN_LIFETIME,
            refresh_lifetime=settings.REFRESH_TOKEN_LIFETIME,
            rotate=settings.ROTATE_REFRESH_TOKENS,
            reuse_grace=settings.REFRESH_REUSE_GRACE_SECONDS,
        ),
        clock=clock,
        emit=emit,
    )
    if seeds := _read_seeds():
        SeedLoader(seeds, store, hasher, clock).load_with_retry()
    return Services(service, tokens, password_policy, clock)


def _read_seeds() -> list[SeedUser]:
    if settings.SEED_USERS_FILE is None:
        return []
    policy = PasswordPolicy(reject_common=settings.REJECT_COMMON_PASSWORDS)
    return read_seeds(settings.SEED_USERS_FILE, policy)
