from django.core.checks import run_checks
from pytest_django.fixtures import Settings

from accounts.checks import W001, W002


def test_good_settings_have_no_warning() -> None:
    assert run_checks() == []


def test_example_secret_has_a_warning(settings: Settings) -> None:
    settings.JWT_SECRET_KEY = settings.JWT_SECRET_KEY_EXAMPLE
    assert run_checks() == [W001]


def test_empty_allowed_hosts_has_a_warning(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = []
    assert run_checks() == [W002]
