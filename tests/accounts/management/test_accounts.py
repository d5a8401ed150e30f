import io
import json
import os
import pty
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.domain.events import Event
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress
from accounts.management.commands import accounts as command_module
from accounts.stores import open_store
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import NEW_PASSWORD, Start, get_error
from tests.support.processes import (
    PROCESS_ENVIRONMENT,
    ROOT,
    START_SECONDS,
    run_manage,
    run_service,
)
from tests.support.sessions import REVOKED, record_signals
from tests.support.settings import AccountsSettings
from tests.support.stores import USER, make_user
from tests.support.terminal import Terminal

INVALID = (401, "invalid_credentials")
MANY = 10_000
"""Ten batches of the store, and more output than a pipe holds."""
ON_ONE_ACCOUNT = ["show", "set-password", "revoke-sessions", "disable", "enable", "delete"]

Run = Callable[..., str]


@pytest.fixture
def api(start: Start, valkey_url: str) -> Api:
    """A client of a service over Valkey, which the commands share."""
    start(STORE_URL=valkey_url)
    return Api()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `manage.py accounts` with some standard input. Return its output."""

    def run(*arguments: str, stdin: str = "") -> str:
        output = io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        call_command("accounts", *arguments, stdout=output)
        return output.getvalue()

    return run


@pytest.fixture
def valkey_store(valkey_url: str, clock: MovableClock) -> Iterator[AccountStore]:
    store = open_store(valkey_url, clock)
    yield store
    store.close()


def test_disabled_account_of_a_running_service_is_out_at_once(
    tmp_path: Path, valkey_url: str
) -> None:
    with run_service(tmp_path, STORE_URL=valkey_url) as service:
        service.register()
        token = service.login().json()["access_token"]
        assert service.profile(token).status == 200
        run = run_manage("accounts", "disable", EMAIL, STORE_URL=valkey_url)
        assert (run.returncode, run.stdout) == (0, f"Disabled {EMAIL}.\n")
        assert service.profile(token).json()["code"] == "token_revoked"
        assert service.login().json()["code"] == "invalid_credentials"
        run_manage("accounts", "enable", EMAIL, STORE_URL=valkey_url)
        assert service.profile(token).json()["code"] == "token_revoked"
        assert service.login().status == 200


def test_created_account_can_log_in(api: Api, run: Run) -> None:
    assert run("create", "User@Example.com", stdin=f"{PASSWORD}\n") == f"Created {EMAIL}.\n"
    assert api.login().status_code == 200


def test_set_password_replaces_it_and_revokes_sessions(api: Api, run: Run) -> None:
    token = api.register_and_log_in()["access_token"]
    output = run("set-password", EMAIL, stdin=NEW_PASSWORD)
    assert output == f"Set the password of {EMAIL} and revoked its sessions.\n"
    assert get_error(api.profile(token)) == REVOKED
    assert get_error(api.login()) == INVALID
    assert api.login(password=NEW_PASSWORD).status_code == 200


def test_look_alike_of_an_earlier_version_can_be_deleted(
    start: Start, run: Run, valkey_url: str
) -> None:
    look_alike = EmailAddress("user\N{HANGUL FILLER}@example.com")
    store = start(STORE_URL=valkey_url).accounts.store
    store.add_users([USER, replace(USER, email=look_alike)])
    run("delete", look_alike, "--yes")
    assert list(store.iter_users()) == [USER]


def test_revoke_sessions_revokes_them(api: Api, run: Run) -> None:
    token = api.register_and_log_in()["access_token"]
    assert run("revoke-sessions", EMAIL) == f"Revoked the sessions of {EMAIL}.\n"
    assert get_error(api.profile(token)) == REVOKED
    assert api.login().status_code == 200


def test_deleted_account_cannot_log_in(api: Api, run: Run) -> None:
    token = api.register_and_log_in()["access_token"]
    assert run("delete", EMAIL, "--yes") == f"Deleted {EMAIL}.\n"
    assert get_error(api.profile(token)) == REVOKED
    assert get_error(api.login()) == INVALID


def test_delete_asks_for_the_address(
    api: Api, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    api.register()
    with pytest.raises(CommandError, match="Nothing was deleted"):
        run("delete", EMAIL, stdin="yes\n")
    assert capsys.readouterr().err == f"Type {EMAIL} to delete this account: "
    assert api.login().status_code == 200
    run("delete", EMAIL, stdin=f"{EMAIL}\n")
    assert get_error(api.login()) == INVALID


@pytest.mark.parametrize(
    ("arguments", "event"),
    [
        (("create", "new@example.com"), Event.USER_CREATED),
        (("set-password", EMAIL), Event.PASSWORD_CHANGE),
        (("revoke-sessions", EMAIL), Event.TOKEN_REVOKED),
        (("disable", EMAIL), Event.USER_DISABLED),
        (("enable", EMAIL), Event.USER_ENABLED),
        (("delete", EMAIL, "--yes"), Event.USER_DELETED),
    ],
)
def test_change_sends_its_event_and_prints_the_account_as_json(
    api: Api, run: Run, arguments: tuple[str, ...], event: Event
) -> None:
    api.register()
    with record_signals() as signals:
        output = run(*arguments, "--json", stdin=PASSWORD)
    assert signals == [(event, arguments[1])]
    account = json.loads(output)
    assert list(account) == ["email", "created_at", "disabled"]
    assert account["email"] == arguments[1]
    assert account["disabled"] is (event is Event.USER_DISABLED)


def test_list_is_a_table(api: Api, run: Run) -> None:
    api.register()
    api.register("a.longer.address@example.com")
    run("disable", EMAIL)
    head, *rows = run("list").splitlines()
    assert head == "CREATED (UTC)     STATUS    E-MAIL"
    assert sorted(rows) == [
        f"2027-01-15 08:00  disabled  {EMAIL}",
        "2027-01-15 08:00  enabled   a.longer.address@example.com",
    ]
    assert run("show", EMAIL).splitlines() == [head, f"2027-01-15 08:00  disabled  {EMAIL}"]


def test_show_has_the_profile(valkey_store: AccountStore, api: Api, run: Run) -> None:
    profile = {"display_name": "Ad\u00e4 \x1b[2J", "tags": []}
    api.register()
    valkey_store.update_user(EmailAddress(EMAIL), lambda user: user.with_profile(profile))
    _, row, *shown = run("show", EMAIL).splitlines()
    assert row == f"2027-01-15 08:00  enabled   {EMAIL}"
    assert json.loads("".join(shown)) == profile
    assert "\x1b" not in "".join(shown)  # It would change the terminal.
    for action in (("show", EMAIL), ("list",)):
        assert json.loads(run(*action, "--json"))["profile"] == profile
    assert len(run("list").splitlines()) == 2


def test_list_as_json_is_one_object_a_line(api: Api, run: Run) -> None:
    api.register()
    api.register("bob@example.com")
    account = {"email": EMAIL, "created_at": "2027-01-15T08:00:00.250000+00:00", "disabled": False}
    lines = [json.loads(line) for line in run("list", "--json").splitlines()]
    assert len(lines) == 2
    assert account in lines
    assert json.loads(run("show", EMAIL, "--json")) == account


def test_list_finds_a_part_of_the_address(api: Api, run: Run) -> None:
    for email in ("ada@example.com", "bob@example.com", "ada@example.org"):
        api.register(email)
    assert len(run("list", "--search", "ADA@", "--json").splitlines()) == 2


@pytest.mark.parametrize("action", ON_ONE_ACCOUNT)
def test_unknown_account_is_an_error(api: Api, run: Run, action: str) -> None:
    with pytest.raises(CommandError, match=r"^user@example\.com has no account\.$"):
        run(action, EMAIL)


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("create", EMAIL), PASSWORD, "A user with this e-mail address already exists."),
        (("create", "new@example.com"), "short\n", "must have at least 8 characters"),
        (("create", "new@example.com"), "", "must have at least 8 characters"),
        (("set-password", EMAIL), "x" * 1025, "must have at most 1024 characters"),
        (("create", "user"), "", "Enter a valid e-mail address."),
        (("show", "user"), "", "user has no account."),
    ],
)
def test_refused_input_says_why_and_changes_nothing(
    api: Api, run: Run, arguments: tuple[str, ...], stdin: str, message: str
) -> None:
    api.register()
    with pytest.raises(CommandError, match=message):
        run(*arguments, stdin=stdin)
    assert len(run("list", "--json").splitlines()) == 1
    assert api.login().status_code == 200


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ([NEW_PASSWORD, NEW_PASSWORD + "."], "The two passwords differ"),
        ([KeyboardInterrupt()], "Interrupted"),
        ([EOFError()], "Interrupted"),
    ],
    ids=["differ", "Ctrl-C", "Ctrl-D"],
)
def test_password_that_is_not_typed_twice_changes_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, typed: list[Any], message: str
) -> None:
    def read(prompt: str) -> str:
        answer = typed.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return str(answer)

    api.register()
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(command_module, "getpass", read)
    with pytest.raises(CommandError, match=message):
        call_command("accounts", "set-password", EMAIL)
    assert api.login().status_code == 200


@contextmanager
def open_terminal(*arguments: str, **environment: str) -> Iterator[tuple[Any, int]]:
    """Run `manage.py` in a terminal. Yields the process, and the terminal's other end."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | PROCESS_ENVIRONMENT | environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    yield process, controller
    os.close(controller)


def read_until(descriptor: int, end: bytes) -> bytes:
    output = b""
    while not output.endswith(end):
        output += os.read(descriptor, 1024)
    return output


def test_terminal_asks_twice_and_does_not_show_the_password(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/accounts.jsonl"
    with open_terminal("accounts", "create", EMAIL, STORE_URL=url) as (process, terminal):
        output = read_until(terminal, b"New password: ")
        os.write(terminal, f"{PASSWORD}\n".encode())
        output += read_until(terminal, b"New password (again): ")
        os.write(terminal, f"{PASSWORD}\n".encode())
        output += read_until(terminal, f"Created {EMAIL}.\r\n".encode())
        assert process.wait(START_SECONDS) == 0
    assert PASSWORD.encode() not in output


def test_file_of_a_running_service_says_to_stop_it(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/accounts.jsonl"
    with run_service(tmp_path, STORE_URL=url) as service:
        service.register()
        run = run_manage("accounts", "delete", EMAIL, "--yes", STORE_URL=url)
        assert run.returncode == 1
        assert "in use by another process; stop that one first" in run.stderr
        assert "Traceback" not in run.stderr
        assert service.login().status == 200
    assert run_manage("accounts", "delete", EMAIL, "--yes", STORE_URL=url).returncode == 0
    assert "has no account" in run_manage("accounts", "show", EMAIL, STORE_URL=url).stderr


def test_memory_is_an_error(run: Run) -> None:
    with pytest.raises(CommandError, match="each process has accounts of its own"):
        run("list")


def test_unreachable_store_is_an_error(accounts_settings: AccountsSettings, run: Run) -> None:
    accounts_settings(STORE_URL="valkey://127.0.0.1:1")
    with pytest.raises(CommandError, match="cannot be reached"):
        run("list")


def test_seeds_are_not_loaded(
    accounts_settings: AccountsSettings, run: Run, valkey_url: str, tmp_path: Path
) -> None:
    accounts_settings(STORE_URL=valkey_url, SEED_USERS_FILE=tmp_path / "missing.jsonl")
    assert run("list", "--json") == ""


def test_list_of_many_accounts_needs_little_memory(
    accounts_settings: AccountsSettings, valkey_store: AccountStore, valkey_url: str
) -> None:
    accounts_settings(STORE_URL=valkey_url)
    valkey_store.add_users(map(make_user, range(MANY)))
    with Path(os.devnull).open("w", encoding="utf-8") as output:
        tracemalloc.start()
        call_command("accounts", "list", stdout=output)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2_000_000  # all of them would take 3 MB


def test_list_is_complete(
    accounts_settings: AccountsSettings, run: Run, valkey_store: Any, valkey_url: str
) -> None:
    accounts_settings(STORE_URL=valkey_url)
    users = list(map(make_user, range(MANY)))
    valkey_store.add_users(users)
    listed = {json.loads(line)["email"] for line in run("list", "--json").splitlines()}
    assert listed == {user.email for user in users}


def test_reader_that_ends_early_is_no_traceback(
    valkey_store: AccountStore, valkey_url: str
) -> None:
    valkey_store.add_users(map(make_user, range(MANY)))
    with subprocess.Popen(
        [sys.executable, "manage.py", "accounts", "list"],
        cwd=ROOT,
        env=os.environ | PROCESS_ENVIRONMENT | {"STORE_URL": valkey_url, "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith("CREATED")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_export_has_hashes_and_says_which_accounts_are_disabled(api: Api, run: Run) -> None:
    api.register()
    api.register("bob@example.com")
    run("disable", EMAIL)
    lines = {line["email"]: line for line in map(json.loads, run("export").splitlines())}
    assert re.fullmatch(r"bcrypt_sha256\$\$2b\$04\$.{53}", lines[EMAIL]["password_hash"])
    assert lines[EMAIL].keys() == {"email", "password_hash", "disabled"}
    assert lines[EMAIL]["disabled"] is True
    assert lines["bob@example.com"].keys() == {"email", "password_hash"}


def test_exported_accounts_are_imported_again(
    start: Start, run: Run, valkey_url: str, tmp_path: Path
) -> None:
    store = start(STORE_URL=valkey_url).accounts.store
    Api().register()
    Api().register("bob@example.com")
    run("disable", "bob@example.com")
    store.update_user(EmailAddress(EMAIL), lambda user: user.with_profile({"name": "Ada"}))
    (tmp_path / "export.jsonl").write_text(run("export"))
    url = f"file://{tmp_path}/accounts.jsonl"
    imported = run_manage("import_accounts", str(tmp_path / "export.jsonl"), STORE_URL=url)
    assert imported.returncode == 0, imported.stderr
    services = start(STORE_URL=url)
    assert Api().login().status_code == 200
    assert get_error(Api().login("bob@example.com")) == INVALID
    user = services.accounts.store.get_user(EmailAddress(EMAIL))
    assert user is not None
    assert user.profile == {"name": "Ada"}
    services.accounts.store.close()


@pytest.mark.parametrize("action", ["list", "export", *ON_ONE_ACCOUNT, "create"])
def test_every_action_has_help(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("accounts", action, "--help")
    output = capsys.readouterr().out
    assert f"accounts {action}" in output
    assert "--password" not in output
    assert ("--json" in output) is (action != "export")
