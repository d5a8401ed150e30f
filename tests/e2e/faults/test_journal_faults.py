"""The journal under real faults: SIGKILL, a full disk, a second process, a damaged file."""

import os
import resource
import shutil
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from accounts.domain.users import EmailAddress, User
from accounts.stores import open_store
from authproject.server import worker
from tests.support.api import EMAIL
from tests.support.load import RegistrationLoad
from tests.support.processes import (
    START_SECONDS,
    Service,
    is_running,
    run_manage,
    run_python,
    run_service,
)
from tests.support.settings import AccountsSettings
from tests.support.valkey import wait_until

ROUNDS = 3

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.jsonl"


@pytest.fixture
def url(path: Path) -> str:
    return f"file://{path}"


def kill(service: Service) -> None:
    """Send SIGKILL to the workers and to their parent, and wait for their end."""
    pids = [*service.workers(), service.process.pid]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    service.process.wait(START_SECONDS)
    wait_until(lambda: not any(map(is_running, pids)))


def find_missing_users(path: Path, registered: list[str]) -> list[str]:
    with closing(open_store(f"file://{path}", time.time)) as store:
        return [email for email in registered if store.get_user(EmailAddress(email)) is None]


@linux
def test_sigkill_under_load_loses_no_user(tmp_path: Path, path: Path) -> None:
    registered: list[str] = []
    for number in range(ROUNDS):
        with run_service(tmp_path, STORE_URL=f"file://{path}") as service:
            load = RegistrationLoad(service, f"round{number}")
            load.wait_for_registered(100)
            kill(service)
            load.stop()
        registered += load.registered
    assert find_missing_users(path, registered) == []


def test_copy_taken_under_load_is_a_backup(tmp_path: Path, path: Path) -> None:
    copies = []
    with run_service(tmp_path, STORE_URL=f"file://{path}") as service:
        load = RegistrationLoad(service, "load")
        for number in range(5):
            load.wait_for_registered(20)
            registered = list(load.registered)
            copies.append((Path(shutil.copy(path, tmp_path / f"copy{number}")), registered))
        load.stop()
    for copy, registered in copies:
        assert find_missing_users(copy, registered) == []


@linux
def test_sigkill_keeps_logout_and_rotation(tmp_path: Path, url: str) -> None:
    with run_service(tmp_path, STORE_URL=url, ROTATE_REFRESH_TOKENS="true") as service:
        service.register()
        revoked, rotated = service.login().json(), service.login().json()
        service.post("auth/logout", {"refresh_token": revoked["refresh_token"]})
        current = service.post("auth/refresh", {"refresh_token": rotated["refresh_token"]}).json()
        kill(service)
    strict = {"ROTATE_REFRESH_TOKENS": "true", "REFRESH_REUSE_GRACE_SECONDS": "0"}
    with run_service(tmp_path, STORE_URL=url, **strict) as service:
        assert service.profile(revoked["access_token"]).json()["code"] == "token_revoked"
        assert service.profile(current["access_token"]).status == 200
        reuse = service.post("auth/refresh", {"refresh_token": rotated["refresh_token"]})
        assert reuse.json()["code"] == "token_reused"
        assert service.profile(current["access_token"]).json()["code"] == "token_revoked"


@linux
def test_full_disk_is_503_until_there_is_space(tmp_path: Path, path: Path) -> None:
    with run_service(tmp_path, STORE_URL=f"file://{path}") as service:
        assert service.register().status == 201
        tokens = service.login().json()
        [worker] = service.workers()
        content = path.read_bytes()
        # The kernel writes what still fits and rejects the rest, as with a full disk.
        _, hard_limit = resource.prlimit(worker, resource.RLIMIT_FSIZE)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (len(content) + 50, hard_limit))
        for _ in range(3):
            response = service.register("late@example.com")
            assert (response.status, response.json()["code"]) == (503, "store_unavailable")
            assert response.headers["Retry-After"]
        assert path.read_bytes() == content
        assert service.profile(tokens["access_token"]).status == 200
        assert service.login().status == 200
        assert service.login("late@example.com").status == 401
        logout = service.post("auth/logout", {"refresh_token": tokens["refresh_token"]})
        assert logout.status == 503
        assert service.profile(tokens["access_token"]).status == 200
        assert service.request("GET", "/health").status == 200
        assert service.request("GET", "/health/ready").status == 503
        assert "auth_store_up 1.0" in service.metrics()
        assert "auth_store_writable 0.0" in service.metrics()
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (hard_limit, hard_limit))
        assert service.register("late@example.com").status == 201
    assert find_missing_users(path, [EMAIL, "late@example.com"]) == []


def test_second_service_exits_and_changes_nothing(tmp_path: Path, url: str) -> None:
    with run_service(tmp_path, STORE_URL=url) as service:
        for command in (("serve",), ("runserver", "--noreload")):
            second = run_manage(*command, STORE_URL=url)
            assert second.returncode != 0
            assert "The configuration has errors:" in second.stderr
            assert f"STORE_URL: {url.removeprefix('file://')} is in use" in second.stderr
            assert "Traceback" not in second.stderr + second.stdout
            assert "serving on" not in second.stderr
        assert service.register().status == 201


def test_other_commands_run_beside_the_service(tmp_path: Path, url: str) -> None:
    with run_service(tmp_path, STORE_URL=url):
        assert run_manage("check", STORE_URL=url).returncode == 0
        users = run_manage("make_users", "1", str(tmp_path / "users.jsonl"), STORE_URL=url)
        assert users.returncode == 0


@pytest.mark.parametrize("command", ["serve", "runserver"])
def test_damaged_file_stops_start_and_stays_as_it_is(path: Path, command: str) -> None:
    with closing(open_store(f"file://{path}", time.time)) as store:
        for email in (EMAIL, "second@example.com"):
            store.add_user(User(EmailAddress(email), "hash", "stamp", 0.0))
    damaged = path.read_bytes().replace(EMAIL.encode(), b"User@example.com", 1)
    path.write_bytes(damaged)
    run = run_manage(command, STORE_URL=f"file://{path}")
    assert run.returncode != 0
    assert f"STORE_URL: {path} line 2 is damaged" in run.stderr
    assert "Traceback" not in run.stderr + run.stdout
    assert "serving on" not in run.stderr
    assert path.read_bytes() == damaged


def test_invalid_seeds_stop_start(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text("{}\n{\n")
    run = run_manage("serve", SEED_USERS_FILE=str(seeds))
    assert run.returncode != 0
    assert f"SEED_USERS_FILE: {seeds} line 1 must be" in run.stderr
    assert f"{seeds} line 2 is no JSON" in run.stderr
    assert "Traceback" not in run.stderr + run.stdout


def test_runserver_keeps_users_in_file(tmp_path: Path, path: Path) -> None:
    command = ("manage.py", "runserver", "--noreload", "{port}")
    with run_python(tmp_path, *command, STORE_URL=f"file://{path}") as service:
        assert service.register().status == 201
    assert find_missing_users(path, [EMAIL]) == []


def test_worker_that_cannot_open_store_exits_with_message(
    accounts_settings: AccountsSettings, tmp_path: Path
) -> None:
    accounts_settings(STORE_URL=f"file://{tmp_path}")
    with pytest.raises(SystemExit, match=f"{tmp_path} cannot be read and written"):
        worker._open_store()
