"""Builds the service from Django's settings, once per process."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from threading import Lock
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.conf import conf, find_invalid_values, import_setting
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

REBUILD_SETTINGS = (
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "STORE_URL",
    "SEED_USERS_FILE",
    "BCRYPT_ROUNDS",
    "REJECT_COMMON_PASSWORDS",
)
"""The keys of `ACCOUNTS` that need new services. The others apply to running ones."""

_build_lock = Lock()


@dataclass(frozen=True, slots=True)
class Services:
    """What views, authentication and serializers use."""

    accounts: AccountService
    tokens: TokenService
    password_policy: PasswordPolicy
    hashing_executor: HashingExecutor
    clock: Clock
    built_from: tuple[Any, ...] = field(repr=False)
    """The values of `REBUILD_SETTINGS`."""


def get_services() -> Services:
    """Return this process's services.

    The first call builds them. It must come after any fork, because executors and stores own
    threads and sockets.
    """
    with _build_lock:
        return _build_once()


def reset_services() -> None:
    """Close this process's store, so that the next call builds new services. Only for tests."""
    if _build_once.cache_info().currsize:
        _build_once().accounts.store.close()
        _build_once.cache_clear()


@cache
def _build_once() -> Services:
    return build_services(_read_clock)


def _read_clock() -> float:
    return time.time()  # looked up at each call: freezegun replaces it


@receiver(setting_changed)
def _apply_override(**kwargs: Any) -> None:
    """Apply settings that a test overrides. A new lifetime keeps the store and its accounts."""
    if not _build_once.cache_info().currsize:
        return
    services = _build_once()
    if services.built_from == _read_rebuild_settings():
        services.accounts.policy = _build_token_policy()
        services.accounts.get_extra_claims = import_setting("TOKEN_CLAIMS")
    else:
        reset_services()


def _read_rebuild_settings() -> tuple[Any, ...]:
    return tuple(getattr(conf, name) for name in REBUILD_SETTINGS)


def build_services(clock: Clock) -> Services:
    """Build the services from the current settings, and load the seeds.

    Raises `StartupError`, and `ImproperlyConfigured` where no system check has run.
    """
    if errors := find_invalid_values():
        raise ImproperlyConfigured(
            "; ".join(f"ACCOUNTS[{name!r}] {error}" for name, error in errors.items())
        )
    store = open_store(conf.STORE_URL, clock)
    services = build_services_for(store, clock)
    services.accounts.get_extra_claims = import_setting("TOKEN_CLAIMS")
    if conf.SEED_USERS_FILE is not None:
        seeds = read_seeds(conf.SEED_USERS_FILE, services.password_policy)
        SeedLoader(seeds, store, services.accounts.hasher, clock).load_with_retry()
    return services


def build_services_for(store: AccountStore, clock: Clock) -> Services:
    """Build the services of an open store from the current settings, without the seeds."""
    key_ring = KeyRing([conf.SECRET_KEY, *conf.SECRET_KEY_FALLBACKS])
    tokens = TokenService(key_ring, clock)
    executor = _build_executor()
    accounts = AccountService(
        store=store,
        hasher=BcryptHasher(rounds=conf.BCRYPT_ROUNDS, executor=executor),
        tokens=tokens,
        policy=_build_token_policy(),
        clock=clock,
        emit=emit,
    )
    password_policy = PasswordPolicy(reject_common=conf.REJECT_COMMON_PASSWORDS)
    built_from = _read_rebuild_settings()
    return Services(accounts, tokens, password_policy, executor, clock, built_from)


def _build_executor() -> HashingExecutor:
    return HashingExecutor(
        first_estimate=estimate_seconds(conf.BCRYPT_ROUNDS),
        on_queue_change=send_hash_queue_changed,
        on_hash_done=send_password_hashed,
    )


def _build_token_policy() -> TokenPolicy:
    sliding = conf.REFRESH_TOKEN_SLIDING_LIFETIME
    return TokenPolicy(
        access_lifetime=_to_whole_seconds(conf.ACCESS_TOKEN_LIFETIME),
        refresh_lifetime=_to_whole_seconds(conf.REFRESH_TOKEN_LIFETIME),
        short_refresh_lifetime=_to_whole_seconds(
            min(conf.REFRESH_TOKEN_SHORT_LIFETIME, conf.REFRESH_TOKEN_LIFETIME)
        ),
        rotate=conf.ROTATE_REFRESH_TOKENS,
        reuse_grace=conf.REFRESH_REUSE_GRACE_SECONDS,
        sliding_lifetime=None if sliding is None else _to_whole_seconds(sliding),
        track_sessions=conf.TRACK_SESSIONS,
    )


def _to_whole_seconds(lifetime: timedelta) -> int:
    """Return the seconds, as in a JWT (RFC 7519 §2): at least one."""
    return max(1, round(lifetime.total_seconds()))
