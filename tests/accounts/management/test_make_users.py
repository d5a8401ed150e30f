"""`manage.py make_users`."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.domain.users import EmailAddress
from accounts.management.commands import make_users
from accounts.services import Services
from tests.support.api import PASSWORD, Api
from tests.support.processes import manage


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "users.jsonl"


def make(*arguments: object) -> str:
    said = io.StringIO()
    call_command("make_users", *map(str, arguments), stdout=said)
    return said.getvalue()


def test_users_are_numbered_from_1_and_each_hash_has_a_salt_of_its_own(file: Path) -> None:
    make(20, file)
    users = [json.loads(line) for line in file.read_text().splitlines()]
    assert [user["email"] for user in users] == [f"user{n:06}@example.com" for n in range(1, 21)]
    assert len({user["password_hash"] for user in users}) == 20
    assert all(user["password_hash"].startswith("bcrypt_sha256$$2b$04$") for user in users)
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_password_is_said_and_works(file: Path, start: Callable[..., Services]) -> None:
    assert "'opens sesame'" in make(2, file, "--password", "opens sesame")
    start(SEED_USERS_FILE=file)
    assert Api().login("user000002@example.com", "opens sesame").status_code == 200
    assert Api().login("user000002@example.com", PASSWORD).status_code == 401


def test_the_file_can_be_the_one_of_the_settings_that_is_not_there_yet(file: Path) -> None:
    made = manage("make_users", "3", str(file), SEED_USERS_FILE=str(file))
    assert (made.returncode, made.stderr) == (0, "")
    assert len(file.read_text().splitlines()) == 3


def test_a_bar_shows_progress_on_a_terminal(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    make(4, file)
    steps = terminal.getvalue().split("\r")[1:]
    assert steps[0].startswith(f"[{'#' * 10}{'.' * 30}] 1/4")
    assert steps[-1].startswith(f"[{'#' * 40}] 4/4")
    assert steps[-1].endswith("\n")


@pytest.mark.parametrize("count", ["0", "-1", "many", "1000001", "9" * 5000])
def test_what_is_no_count_is_refused(file: Path, count: str) -> None:
    with pytest.raises(CommandError, match="is no number from 1 to"):
        make("--", count, file)


def test_a_password_that_the_policy_refuses_is_refused(file: Path) -> None:
    with pytest.raises(CommandError, match="at least 8 characters"):
        make(1, file, "--password", "short")
    assert not file.exists()


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        make(1, tmp_path / "missing" / "users.jsonl")


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_what_names_no_file_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        make(1, Path(name))


def test_a_run_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "users.jsonl").mkdir()
    with pytest.raises(CommandError, match="cannot be written"):
        make(1, tmp_path / "users.jsonl")
    assert [entry.name for entry in tmp_path.iterdir()] == ["users.jsonl"]


def test_an_interrupted_run_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("old")

    def interrupted(self: object, done: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(make_users.Progress, "show", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(5, file)
    assert file.read_text() == "old"


def test_seeded_users_are_normalised_as_the_service_does(
    file: Path, start: Callable[..., Services]
) -> None:
    make(1, file)
    store = start(SEED_USERS_FILE=file).accounts.store
    assert store.get_user(EmailAddress("user000001@example.com")) is not None
