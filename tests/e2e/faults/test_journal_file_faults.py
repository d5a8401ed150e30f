"""Another program changes the file of a running service, or a second service uses it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from accounts.domain.users import EmailAddress
from accounts.stores import open_store
from authproject.server.startup import EX_CONFIG
from tests.support.processes import (
    Service,
    run_manage,
    run_service,
    run_to_end,
)

WRITTEN_AGAIN = "written again"
REFUSED = "cannot be written; changes are refused"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A folder of its own, which a test takes away.
    folder = tmp_path_factory.mktemp("service") / "accounts"
    folder.mkdir()
    return folder / "accounts.jsonl"


@pytest.fixture(scope="module")
def service(path: Path) -> Iterator[Service]:
    with run_service(path.parents[1], STORE_URL=f"file://{path}") as started:
        yield started


def append_line(path: Path, backup: Path) -> None:
    with path.open("ab") as file:
        file.write(b"a line of another program\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda path, backup: shutil.copy(backup, path),
        lambda path, backup: path.write_bytes(b""),
        append_line,
        lambda path, backup: backup.rename(path),
    ],
    ids=["copied over", "truncated", "appended to", "moved over"],
)
def test_changed_file_is_logged_and_loses_no_user(
    service: Service,
    path: Path,
    tmp_path: Path,
    email: str,
    change: Callable[[Path, Path], object],
) -> None:
    backup = Path(shutil.copy(path, path.with_name("backup")))
    assert service.register(f"before.{email}").status == 201
    change(path, backup)
    foreign, conflicts = path.read_bytes(), set(path.parent.glob("*.conflict*"))
    lines = service.log.count(WRITTEN_AGAIN)
    for number in range(2):
        assert service.register(f"after{number}.{email}").status == 201
    assert service.log.count(WRITTEN_AGAIN) == lines + 1
    [conflict] = set(path.parent.glob("*.conflict*")) - conflicts
    assert conflict.read_bytes() == foreign
    # As the next start would find it.
    copy = shutil.copy(path, tmp_path / "copy")
    with closing(open_store(f"file://{copy}", time.time)) as store:
        for name in ("before", "after0", "after1"):
            assert store.get_user(EmailAddress(f"{name}.{email}"))


def test_removed_folder_is_logged_once(service: Service, path: Path, email: str) -> None:
    service.register(email)
    tokens = service.login(email).json()
    refused, written = service.log.count(REFUSED), service.log.count(WRITTEN_AGAIN)
    away = path.parent.rename(path.parent.with_name("away"))
    for number in range(20):
        response = service.register(f"away{number}.{email}")
        assert (response.status, response.json()["code"]) == (503, "store_unavailable")
    assert service.profile(tokens["access_token"]).status == 200
    assert service.request("GET", "/health/ready").status == 503
    assert "auth_store_writable 0.0" in service.metrics()
    away.rename(path.parent)
    assert service.register(f"back.{email}").status == 201
    assert service.log.count(REFUSED) == refused + 1
    assert service.log.count(WRITTEN_AGAIN) == written


@pytest.fixture
def other_folder(path: Path) -> Iterator[Path]:
    """A folder without a lock file, on the same disk."""
    with TemporaryDirectory(dir=path.parents[1]) as folder:
        yield Path(folder)


def assert_is_refused(second: subprocess.CompletedProcess[str], path: Path, message: str) -> None:
    assert second.returncode == EX_CONFIG, second.stderr
    assert f"STORE_URL: {path} {message}" in second.stderr
    assert "Traceback" not in second.stderr


def test_second_service_without_lock_file_exits(service: Service, path: Path) -> None:
    Path(f"{path}.lock").unlink()
    second = run_manage("serve", STORE_URL=f"file://{path}")
    assert_is_refused(second, path, "is in use")


def test_second_service_on_bind_mount_exits(
    service: Service, path: Path, other_folder: Path
) -> None:
    mounted = other_folder / "accounts.jsonl"
    mounted.touch()
    options = ["--map-root-user", "--mount", "sh", "-ec", 'mount --bind "$1" "$2"; shift 2; "$@"']
    second = run_to_end(
        *("-c", "import os, sys; os.execvp('unshare', ['unshare', *sys.argv[1:]])"),
        *(*options, "sh", str(path), str(mounted), sys.executable, "manage.py", "serve"),
        STORE_URL=f"file://{mounted}",
    )
    assert_is_refused(second, mounted, "is in use")


def test_second_service_on_hard_link_exits(
    service: Service, path: Path, other_folder: Path
) -> None:
    link = other_folder / "accounts.jsonl"
    link.hardlink_to(path)
    second = run_manage("serve", STORE_URL=f"file://{link}")
    assert_is_refused(second, link, "is in use")


def test_service_on_file_with_hard_link_exits(tmp_path: Path) -> None:
    path = tmp_path / "accounts.jsonl"
    path.touch()
    path.with_name("link").hardlink_to(path)
    service = run_manage("serve", STORE_URL=f"file://{path}")
    assert_is_refused(service, path, "has 2 names (hard links)")
