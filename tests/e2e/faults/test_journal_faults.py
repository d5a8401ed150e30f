"""The journal under real faults: SIGKILL, a full disk, a second process, damage."""

import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.domain.users import EmailAddress
from accounts.stores import open_store
from authproject.management.commands import serve
from tests.support.api import EMAIL
from tests.support.load import Storm, lost
from tests.support.processes import manage, running, serving

ROUNDS = 10

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.jsonl"


@pytest.fixture
def url(path: Path) -> str:
    return f"file://{path}"


@linux
@pytest.mark.slow
def test_nothing_acknowledged_is_lost_to_sigkill_in_a_storm(
    tmp_path: Path, url: str, record_property: Callable[[str, object], None]
) -> None:
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        with serving(tmp_path, STORE_URL=url) as service:
            storm = Storm(service, f"round{number}")
            storm.wait_for(100, what=lambda storm: storm.acknowledged)
            for pid in [*service.workers(), service.process.pid]:
                os.kill(pid, signal.SIGKILL)
            storm.stop()
            service.process.wait(10)
        acknowledged += storm.acknowledged
    with serving(tmp_path, STORE_URL=url) as service:
        assert lost(service, acknowledged) == []
    record_property("acknowledged and found again", len(acknowledged))


def test_a_copy_taken_in_a_storm_is_a_backup(tmp_path: Path, path: Path) -> None:
    copies = []
    with serving(tmp_path, STORE_URL=f"file://{path}") as service:
        storm = Storm(service, "storm")
        for number in range(5):
            storm.wait_for(20 * (number + 1), what=lambda storm: storm.acknowledged)
            before = list(storm.acknowledged)
            copies.append((Path(shutil.copy(path, tmp_path / f"copy{number}")), before))
        storm.stop()
    for copy, acknowledged in copies:
        with closing(open_store(f"file://{copy}", time.time)) as store:
            assert all(store.get_user(EmailAddress(email)) for email in acknowledged)


@linux
def test_a_logout_and_a_rotation_outlive_sigkill(tmp_path: Path, url: str) -> None:
    with serving(tmp_path, STORE_URL=url, ROTATE_REFRESH_TOKENS="true") as service:
        service.register()
        ended, rotated = service.login().json(), service.login().json()
        service.post("auth/logout", {"refresh_token": ended["refresh_token"]})
        successor = service.post("auth/refresh", {"refresh_token": rotated["refresh_token"]}).json()
        for pid in [*service.workers(), service.process.pid]:
            os.kill(pid, signal.SIGKILL)
        service.process.wait(10)
    strict = {"ROTATE_REFRESH_TOKENS": "true", "REFRESH_REUSE_GRACE_SECONDS": "0"}
    with serving(tmp_path, STORE_URL=url, **strict) as service:
        assert service.profile(ended["access_token"]).json()["code"] == "token_revoked"
        assert service.profile(successor["access_token"]).status == 200
        spent = service.post("auth/refresh", {"refresh_token": rotated["refresh_token"]})
        assert spent.json()["code"] == "token_reused"
        assert service.profile(successor["access_token"]).json()["code"] == "token_revoked"


@linux
def test_a_full_disk_is_503_and_its_end_needs_no_restart(tmp_path: Path, path: Path) -> None:
    with serving(tmp_path, STORE_URL=f"file://{path}") as service:
        assert service.register().status == 201
        tokens = service.login().json()
        [worker] = service.workers()
        written = path.read_bytes()
        # The kernel takes what still fits and refuses the rest, as a full disk does.
        _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (len(written) + 50, hard))
        for _ in range(3):
            refused = service.register("late@example.com")
            assert (refused.status, refused.json()["code"]) == (503, "store_unavailable")
            assert refused.headers["Retry-After"]
        assert path.read_bytes() == written
        assert service.profile(tokens["access_token"]).status == 200
        assert service.login().status == 200
        assert service.login("late@example.com").status == 401
        logout = service.post("auth/logout", {"refresh_token": tokens["refresh_token"]})
        assert logout.status == 503
        assert service.profile(tokens["access_token"]).status == 200
        assert service.request("GET", "/health/ready").status == 200
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (hard, hard))
        assert service.register("late@example.com").status == 201
    with serving(tmp_path, STORE_URL=f"file://{path}") as service:
        assert service.login("late@example.com").status == 200
        assert service.login().status == 200


def test_a_second_service_is_refused_and_harms_nothing(tmp_path: Path, url: str) -> None:
    with serving(tmp_path, STORE_URL=url) as service:
        for command in (("serve",), ("runserver", "--noreload")):
            second = manage(*command, STORE_URL=url)
            assert second.returncode != 0
            assert "The configuration has errors:" in second.stderr
            assert f"STORE_URL: {url.removeprefix('file://')} is in use" in second.stderr
            assert "Traceback" not in second.stderr + second.stdout
            assert "serving on" not in second.stderr
        assert service.register().status == 201


def test_other_commands_take_no_lock(tmp_path: Path, url: str) -> None:
    with serving(tmp_path, STORE_URL=url):
        assert manage("check", STORE_URL=url).returncode == 0
        made = manage("make_users", "1", str(tmp_path / "users.jsonl"), STORE_URL=url)
        assert made.returncode == 0


def test_a_damaged_file_is_refused_before_a_socket_is_opened(tmp_path: Path, path: Path) -> None:
    with serving(tmp_path, STORE_URL=f"file://{path}") as service:
        service.register()
        service.register("second@example.com")
    content = path.read_bytes()
    damaged = content.replace(EMAIL.encode(), b"User@example.com", 1)
    path.write_bytes(damaged)
    for command in ("serve", "runserver"):
        refused = manage(command, STORE_URL=f"file://{path}")
        assert refused.returncode != 0
        assert f"STORE_URL: {path} line 2 is damaged" in refused.stderr
        assert "Traceback" not in refused.stderr + refused.stdout
        assert "serving on" not in refused.stderr
        assert path.read_bytes() == damaged
    path.write_bytes(content)
    with serving(tmp_path, STORE_URL=f"file://{path}") as service:
        assert service.login().status == 200


def test_bad_seeds_are_refused_before_a_socket_is_opened(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text("{}\n{\n")
    refused = manage("serve", SEED_USERS_FILE=str(seeds))
    assert refused.returncode != 0
    assert f"SEED_USERS_FILE: {seeds} line 1 must be" in refused.stderr
    assert f"{seeds} line 2 is no JSON" in refused.stderr
    assert "Traceback" not in refused.stderr + refused.stdout


def test_runserver_keeps_users_in_a_file_too(tmp_path: Path, url: str) -> None:
    command = ("manage.py", "runserver", "--noreload", "{port}")
    with running(tmp_path, *command, STORE_URL=url) as service:
        assert service.register().status == 201
    with running(tmp_path, *command, STORE_URL=url) as service:
        assert service.login().status == 200


def test_a_worker_that_cannot_open_its_store_ends_with_a_message(
    settings: Settings, tmp_path: Path
) -> None:
    settings.STORE_URL = f"file://{tmp_path}"
    with pytest.raises(SystemExit, match=f"{tmp_path} cannot be read and written"):
        serve._open_store()
