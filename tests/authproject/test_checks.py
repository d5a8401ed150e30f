from django.core.checks import run_checks
from pytest_django.fixtures import Settings

from authproject.checks import W001, W002
from authproject.environment.variables import EXAMPLE_SECRET
from tests.support.settings import AccountsSettings


def test_good_settings_have_no_warning() -> None:
    assert run_checks() == []


def test_example_secret_has_a_warning(accounts_settings: AccountsSettings) -> None:
    accounts_settings(SECRET_KEY=EXAMPLE_SECRET)
    assert run_checks() == [W001]


def test_empty_allowed_hosts_has_a_warning(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = []
    assert run_checks() == [W002]
