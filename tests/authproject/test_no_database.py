"""Django's own commands and ORM, where there is no database."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import find_commands
from pytest_django import DjangoDbBlocker

from authproject.command_line import run_django_command
from tests.support.processes import run_manage


def test_orm_query_raises(django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock(), pytest.raises(ImproperlyConfigured):
        User.objects.count()


STORE = "STORE_URL says where the accounts are"
CREATE = "`manage.py accounts create EMAIL` creates an account, which has no role"
NEEDS_DATABASE = {
    "migrate": STORE,
    "migrate auth zero": STORE,
    "showmigrations": STORE,
    "sqlmigrate auth 0001": STORE,
    "squashmigrations auth 0001": STORE,
    "sqlflush": STORE,
    "inspectdb": STORE,
    "dbshell": STORE,
    "testserver x": STORE,
    "remove_stale_contenttypes": STORE,
    "createsuperuser": CREATE,
    "createsuperuser --noinput": CREATE,
    "dumpdata": "`manage.py accounts export` writes the accounts",
    "loaddata x": "`manage.py import_accounts FILE` adds accounts",
    "flush": "`manage.py accounts delete EMAIL` deletes an account",
    "flush --noinput": "`manage.py accounts delete EMAIL` deletes an account",
}
WORKS = {
    "makemigrations": "No changes detected",
    "optimizemigration auth 0001": "No optimizations possible",
    "check": "no issues",
    "shell -c print(6*7)": "42",
    "diffsettings": "ROOT_URLCONF",
    "collectstatic": "Nothing to collect",
    "collectstatic --noinput": "Nothing to collect",
}


@pytest.mark.parametrize(("command", "hint"), NEEDS_DATABASE.items())
def test_command_that_needs_a_database_says_that_there_is_none(
    command: str, hint: str, django_db_blocker: DjangoDbBlocker, capfd: pytest.CaptureFixture[str]
) -> None:
    with django_db_blocker.unblock(), pytest.raises(SystemExit) as end:
        run_django_command(["manage.py", *command.split()])
    assert end.value.code == f"There is no database: {hint}."
    assert capfd.readouterr() == ("", "")


def test_command_with_a_database_is_djangos_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    with pytest.raises(SystemExit, match="0"):
        run_django_command(["manage.py", "createsuperuser", "--help"])
    assert "superuser" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "output"), WORKS.items())
def test_command_without_a_need_for_a_database_works(
    command: str,
    output: str,
    django_db_blocker: DjangoDbBlocker,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with django_db_blocker.unblock():
        run_django_command(["manage.py", *command.split()])
    assert output in "".join(capsys.readouterr())


def test_refused_command_writes_one_line_and_exits_1() -> None:
    run = run_manage("dumpdata", "auth.user")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.splitlines()[-1].startswith("There is no database: ")
    assert "Traceback" not in run.stderr


def test_startapp_makes_an_app(tmp_path: Path) -> None:
    run_django_command(["manage.py", "startapp", "notes", str(tmp_path)])
    assert (tmp_path / "apps.py").exists()


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


def find_own_commands(app: str) -> set[str]:
    spec = find_spec(app)
    assert spec is not None
    return set(find_commands(str(Path(str(spec.origin)).with_name("management"))))


def test_app_accounts_replaces_no_command_of_django() -> None:
    """Another project that installs it keeps Django's own."""
    replaced = [
        find_own_commands("accounts") & find_own_commands(app)
        for app in ("django.core", "django.contrib.auth", "django.contrib.staticfiles")
    ]
    assert replaced == [set(), set(), set()]
    assert find_own_commands("authproject") & find_own_commands("django.contrib.auth")
