"""Django's own commands and ORM, where there is no database."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from pytest_django import DjangoDbBlocker

from tests.support.processes import run_manage


def test_orm_query_raises(django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock(), pytest.raises(ImproperlyConfigured):
        User.objects.count()


@pytest.mark.parametrize(
    "command",
    [
        *(("migrate",), ("showmigrations",), ("sqlmigrate", "auth", "0001"), ("dbshell",)),
        *(("loaddata", "x"), ("flush", "--noinput"), ("inspectdb",)),
        *(("testserver", "x"), ("remove_stale_contenttypes",)),
    ],
    ids=" ".join,
)
def test_command_that_needs_a_database_says_that_there_is_none(command: tuple[str, ...]) -> None:
    run = run_manage(*command)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1:] == [
        "There is no database: STORE_URL says where the accounts are."
    ]
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("command", "lacking"), [("dumpdata", "DATABASES"), ("collectstatic", "STATIC_ROOT")]
)
def test_command_says_in_djangos_words_what_it_lacks(command: str, lacking: str) -> None:
    run = run_manage(command, *(["--noinput"] if command == "collectstatic" else []))
    assert run.returncode == 1
    assert lacking in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (("makemigrations",), "No changes detected"),
        (("check",), "no issues"),
        (("test", "accounts"), "Ran 0 tests"),
        (("shell", "-c", "print(6 * 7)"), "42"),
        (("diffsettings",), "ROOT_URLCONF"),
    ],
    ids=str,
)
def test_command_without_a_need_for_a_database_works(command: tuple[str, ...], output: str) -> None:
    run = run_manage(*command)
    assert run.returncode == 0, run.stderr
    assert output in run.stdout + run.stderr


@pytest.mark.parametrize("browsable", ["true", "false"])
def test_deployment_check_has_no_warning(browsable: str) -> None:
    production = {
        "ENVIRONMENT": "production",
        "ALLOWED_HOSTS": "auth.example.com",
        "BCRYPT_ROUNDS": "12",
        "STORE_URL": "redis://127.0.0.1:1/0",
    }
    run = run_manage("check", "--deploy", **production, BROWSABLE_API=browsable)
    assert (run.returncode, run.stdout.split("(")[0].strip()) == (
        0,
        "System check identified no issues",
    ), run.stderr
