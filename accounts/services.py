"""The composition root: builds the service from Django's settings, once, when first asked."""

import time
from dataclasses import dataclass
from functools import cache
from threading import Lock

from django.conf import settings

from accounts.domain.interfaces import Clock
from accounts.domain.service import AccountService, TokenPolicy
from accounts.passwords.executor import HashingPool
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds import Seed, Sower, read_seeds
from accounts.signals import emit, tell_hashed, tell_waiting
from accounts.stores import open_store
from accounts.tokens.key_ring import KeyRing
from accounts.tokens.service import JWTIssuer

_opening = Lock()


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the Django modules use."""

    service: AccountService
    tokens: JWTIssuer
    password_policy: PasswordPolicy
    clock: Clock


def get_runtime() -> Runtime:
    """Return this process's runtime.

    It is opened when first asked for, after any fork: pools and stores own threads and sockets.
    """
    with _opening:
        return _open()


@cache
def _open() -> Runtime:
    return build_runtime(time.time)


def build_runtime(clock: Clock) -> Runtime:
    """Build a runtime from the settings as they are now. May raise `StartRefused`."""
    tokens = JWTIssuer(
        KeyRing([settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS]), clock
    )
    password_policy = PasswordPolicy(reject_common=settings.REJECT_COMMON_PASSWORDS)
    pool = HashingPool(on_waiting=tell_waiting, on_done=tell_hashed)
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
        Sower(seeds, store, hasher, clock).sow_when_possible()
    return Runtime(service, tokens, password_policy, clock)


def _read_seeds() -> list[Seed]:
    if settings.SEED_USERS_FILE is None:
        return []
    policy = PasswordPolicy(reject_common=settings.REJECT_COMMON_PASSWORDS)
    return read_seeds(settings.SEED_USERS_FILE, policy)
