import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from tqdm import tqdm

from accounts.management.commands import make_users
from accounts.services import Services
from tests.support.api import PASSWORD, Api
from tests.support.processes import run_manage
from tests.support.terminal import Terminal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "users.jsonl"


def make(*arguments: object) -> str:
    output = io.StringIO()
    call_command("make_users", *map(str, arguments), stdout=output)
    return output.getvalue()


def test_users_are_numbered_and_each_hash_has_its_own_salt(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_users, "BATCH", 8)
    make(20, file)
    users = [json.loads(line) for line in file.read_text().splitlines()]
    assert [user["email"] for user in users] == [f"user{n:06}@example.com" for n in range(1, 21)]
    assert len({user["password_hash"] for user in users}) == 20
    assert all(user["password_hash"].startswith("bcrypt_sha256$$2b$04$") for user in users)


def test_file_is_readable_by_its_owner_only(file: Path) -> None:
    make(1, file)
    assert file.stat().st_mode & 0o777 == 0o600


def test_password_is_printed_and_logs_in(file: Path, start: Callable[..., Services]) -> None:
    assert "'opens sesame'" in make(2, file, "--password", "opens sesame")
    start(SEED_USERS_FILE=file)
    assert Api().login("user000002@example.com", "opens sesame").status_code == 200
    assert Api().login("user000002@example.com", PASSWORD).status_code == 401


def test_file_of_the_settings_need_not_exist_yet(file: Path) -> None:
    made = run_manage("make_users", "3", str(file), SEED_USERS_FILE=str(file))
    assert (made.returncode, made.stderr) == (0, "")
    assert len(file.read_text().splitlines()) == 3


def test_terminal_shows_a_progress_bar(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    make(4, file)
    assert "4/4" in terminal.getvalue()


@pytest.mark.parametrize("count", ["0", "-1", "many", "1000001", "9" * 5000])
def test_invalid_count_is_an_error(file: Path, count: str) -> None:
    with pytest.raises(CommandError, match="is no number from 1 to"):
        make("--", count, file)


@pytest.mark.parametrize(
    ("password", "message"),
    [("short", "at least 8"), ("\ufdfa", "at least 8"), ("surrogate \udcff", "surrogate")],
)
def test_rejected_password_is_an_error(file: Path, password: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        make(1, file, "--password", password)
    assert not file.exists()


@pytest.mark.parametrize("name", ["", "/", "missing/users.jsonl"])
def test_unwritable_file_is_an_error(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match="cannot be written"):
        make(1, Path(name))


def test_failed_run_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "users.jsonl").mkdir()
    with pytest.raises(CommandError, match="cannot be written"):
        make(1, tmp_path / "users.jsonl")
    assert [entry.name for entry in tmp_path.iterdir()] == ["users.jsonl"]


def test_interrupted_run_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: object) -> None:
        raise KeyboardInterrupt

    file.write_text("old")
    monkeypatch.setattr(tqdm, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make(5, file)
    assert file.read_text() == "old"
