import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from pytest_django import DjangoDbBlocker


def test_orm_query_raises(django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock(), pytest.raises(ImproperlyConfigured):
        User.objects.count()
