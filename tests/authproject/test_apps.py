"""Which of Django's signal receivers are disconnected."""

import pytest
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from pytest_django import Settings

from authproject.apps import get_unneeded_receivers


def test_without_database_its_receivers_are_unneeded() -> None:
    assert (request_started, close_old_connections) in get_unneeded_receivers()


def test_with_database_its_receivers_are_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = settings.DATABASES["default"]
    monkeypatch.setitem(database, "ENGINE", "django.db.backends.sqlite3")
    receivers = get_unneeded_receivers()
    assert (request_started, close_old_connections) not in receivers
    assert (request_finished, close_old_connections) not in receivers


def test_with_caches_their_receiver_is_kept(settings: Settings) -> None:
    assert (request_finished, close_caches) in get_unneeded_receivers()
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
    assert (request_finished, close_caches) not in get_unneeded_receivers()
