"""Builds the service from Django's settings, once per process."""

import time
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.domain.interfaces import AccountStore, Clock
from accounts.domain.service import AccountService, TokenPolicy
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher, estimate_seconds
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds.loader import SeedLoader
from accounts.seeds.reader import read_seeds
from accounts.signals import emit, send_hash_queue_changed, send_password_hashed
from accounts.stores import open_store
from accounts.tokens.key_ring import KeyRing
from accounts.tokens.service import TokenService

REBUILD_SETTINGS = {
    "BCRYPT_ROUNDS",
    "JWT_SECRET_KEY",
    "JWT_SECRET_KEY_FALLBACKS",
    "REJECT_COMMON_PASSWORDS",
    "SEED_USERS_FILE",
    "STORE_URL",
}

_build_lock = Lock()


@dataclass(frozen=True, slots=True)
class Services:
    """What views, authentication and serializers use."""

    accounts: AccountService
    tokens: TokenService
    password_policy: PasswordPolicy
    clock: Clock


def get_services() -> Services:
    """Return this process's services.

    The first call builds them. It must come after any fork, because executors and stores own
    threads and sockets.
    """
    with _build_lock:
        return _build_once()


@cache
def _build_once() -> Services:
    return build_services(_read_clock)


def _read_clock() -> float:
    return time.time()  # looked up at each call: freezegun replaces it


@receiver(setting_changed)
def _apply_override(setting: str, **kwargs: Any) -> None:
    """Apply a setting that a test overrides. A new lifetime keeps the store and its accounts."""
    if setting in REBUILD_SETTINGS:
        _build_once.cache_clear()
    elif _build_once.cache_info().currsize:
        _build_once().accounts.policy = _build_token_policy()


def build_services(clock: Clock) -> Services:
    """Build the services from the current settings, and load the seeds. Raises `StartupError`."""
    store = open_store(settings.STORE_URL, clock)
    services = build_services_for(store, clock)
    if settings.SEED_USERS_FILE is not None:
        seeds = read_seeds(settings.SEED_USERS_FILE, services.password_policy)
        SeedLoader(seeds, store, services.accounts.hasher, clock).load_with_retry()
    return services


def build_services_for(store: AccountStore, clock: Clock) -> Services:
    """Build the services of an open store from the current settings, without the seeds."""
    key_ring = KeyRing([settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS])
    tokens = TokenService(key_ring, clock)
    accounts = AccountService(
        store=store,
        hasher=_build_hasher(),
        tokens=tokens,
        policy=_build_token_policy(),
        clock=clock,
        emit=emit,
    )
    password_policy = PasswordPolicy(reject_common=settings.REJECT_COMMON_PASSWORDS)
    return Services(accounts, tokens, password_policy, clock)


def _build_hasher() -> BcryptHasher:
    executor = HashingExecutor(
        first_estimate=estimate_seconds(settings.BCRYPT_ROUNDS),
        on_queue_change=send_hash_queue_changed,
        on_hash_done=send_password_hashed,
    )
    return BcryptHasher(rounds=settings.BCRYPT_ROUNDS, executor=executor)


def _build_token_policy() -> TokenPolicy:
    return TokenPolicy(
        access_lifetime=settings.ACCESS_TOKEN_LIFETIME,
        refresh_lifetime=settings.REFRESH_TOKEN_LIFETIME,
        rotate=settings.ROTATE_REFRESH_TOKENS,
        reuse_grace=settings.REFRESH_REUSE_GRACE_SECONDS,
    )
