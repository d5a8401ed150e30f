import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import CommandError, call_command

from accounts.conf import conf
from accounts.services import Services
from accounts.stores import open_store
from tests.support.api import PASSWORD, Api, MovableClock
from tests.support.django_hashes import POSTGRES, make_django_hash
from tests.support.passwords import HASH
from tests.support.processes import run_manage
from tests.support.seeds import build_django_user, write_seeds
from tests.support.settings import AccountsSettings
from tests.support.stores import EMAIL, USER

UNREACHABLE = "valkey://127.0.0.1:1"


class Result(NamedTuple):
    output: str
    errors: str
    failure: str


def run_import(*arguments: object) -> Result:
    output, errors, failure = io.StringIO(), io.StringIO(), ""
    try:
        call_command("import_accounts", *map(str, arguments), stdout=output, stderr=errors)
    except CommandError as error:
        failure = str(error)
    return Result(output.getvalue(), errors.getvalue(), failure)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three accounts of a Django project; one has no password."""
    users = [
        build_django_user("ada@example.com", make_django_hash("pbkdf2_sha256", "secret")),
        build_django_user("bob@example.com", "!unusable"),
        build_django_user("eve@example.com", make_django_hash("pbkdf2_sha256", "password")),
    ]
    file = tmp_path / "users.json"
    file.write_text(json.dumps(users))
    return file


@pytest.fixture(params=["file", "valkey"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"file://{tmp_path}/accounts.jsonl"
    valkey_url: str = request.getfixturevalue("valkey_url")
    return valkey_url


def test_imported_users_can_log_in(
    start: Callable[..., Services], accounts_settings: AccountsSettings, file: Path, url: str
) -> None:
    accounts_settings(STORE_URL=url)
    result = run_import(file)
    assert result.output == "2 valid, 1 refused.\n2 added, 0 there already.\n"
    assert result.errors == f"{file} entry 2 has no password, or an unusable one (`!`).\n"
    assert result.failure == "Some accounts were refused."
    services = start(STORE_URL=url)
    assert Api().login("ada@example.com", "secret").status_code == 200
    assert Api().login("eve@example.com", "password").status_code == 200
    assert Api().login("bob@example.com", "unusable").status_code == 401
    services.accounts.store.close()


def test_import_beside_the_service_works_with_a_server(
    start: Callable[..., Services], tmp_path: Path, valkey_url: str
) -> None:
    start(STORE_URL=valkey_url)
    file = write_seeds(tmp_path, {"email": EMAIL, "password_hash": HASH})
    assert run_import(file) == ("1 valid, 0 refused.\n1 added, 0 there already.\n", "", "")
    assert Api().login(EMAIL).status_code == 200


def test_import_changes_no_account(
    accounts_settings: AccountsSettings, tmp_path: Path, url: str, clock: MovableClock
) -> None:
    store = open_store(url, clock)
    store.add_user(USER)
    store.close()
    accounts_settings(STORE_URL=url)
    file = write_seeds(tmp_path, {"email": EMAIL, "password_hash": HASH})
    assert run_import(file).output == "1 valid, 0 refused.\n0 added, 1 there already.\n"
    store = open_store(url, clock)
    assert store.get_user(EMAIL) == USER
    store.close()


def test_import_hashes_plain_passwords(
    start: Callable[..., Services],
    accounts_settings: AccountsSettings,
    tmp_path: Path,
    url: str,
) -> None:
    accounts_settings(STORE_URL=url)
    file = write_seeds(tmp_path, {"email": EMAIL, "password": PASSWORD})
    assert run_import(file).output.endswith("1 added, 0 there already.\n")
    services = start(STORE_URL=url)
    assert Api().login(EMAIL).status_code == 200
    services.accounts.store.close()


def test_dry_run_reports_and_opens_no_store(
    accounts_settings: AccountsSettings, file: Path
) -> None:
    accounts_settings(STORE_URL=UNREACHABLE)
    result = run_import(file, "--dry-run")
    assert result.output == "2 valid, 1 refused.\n"
    assert "entry 2" in result.errors
    assert result.failure == "Some accounts were refused."


def test_unreadable_file_adds_nothing(
    accounts_settings: AccountsSettings, tmp_path: Path, url: str
) -> None:
    accounts_settings(STORE_URL=url)
    file = tmp_path / "users.csv"
    file.write_text(f'email,password_hash\nada@example.com,{POSTGRES}\n"x"y,z\n')
    assert "cannot be read" in run_import(file).failure
    file.write_text(f"email,password_hash\nada@example.com,{POSTGRES}\n")
    assert run_import(file).output.endswith("1 added, 0 there already.\n")


def test_import_into_memory_is_an_error(accounts_settings: AccountsSettings, file: Path) -> None:
    accounts_settings(STORE_URL="memory://")
    assert "gone when this command ends" in run_import(file).failure
    assert run_import(file, "--dry-run").output.startswith("2 valid")


def test_import_into_a_journal_in_use_is_an_error(
    accounts_settings: AccountsSettings, file: Path, tmp_path: Path, clock: MovableClock
) -> None:
    accounts_settings(STORE_URL=f"file://{tmp_path}/accounts.jsonl")
    journal = open_store(conf.STORE_URL, clock)
    assert "in use" in run_import(file).failure
    journal.close()


def test_import_into_an_unreachable_store_is_an_error(
    accounts_settings: AccountsSettings, file: Path
) -> None:
    accounts_settings(STORE_URL=UNREACHABLE)
    assert "what is done already stays" in run_import(file).failure


def test_exit_status_says_if_an_account_was_refused(file: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/accounts.jsonl"
    good = write_seeds(tmp_path, {"email": EMAIL, "password_hash": HASH})
    assert run_manage("import_accounts", str(good), STORE_URL=url).returncode == 0
    assert run_manage("import_accounts", str(file), STORE_URL=url).returncode == 1


def test_terminal_shows_a_progress_bar(
    accounts_settings: AccountsSettings,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    accounts_settings(STORE_URL=f"file://{tmp_path}/accounts.jsonl")
    run_import(file)
    assert "3 accounts [" in terminal.getvalue()
