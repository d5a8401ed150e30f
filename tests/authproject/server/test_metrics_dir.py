"""The metrics directory that the worker processes of one service share."""

import os
import sys
from pathlib import Path

import pytest

from authproject.server.metrics_dir import LOCK, PREFIX, make_metrics_dir
from tests.support.processes import run_service
from tests.support.valkey import wait_until


def get_folders(parent: Path) -> set[Path]:
    return set(parent.glob(f"{PREFIX}*"))


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
def test_folder_of_killed_service_is_removed_by_next(tmp_path: Path, valkey_url: str) -> None:
    options = {"STORE_URL": valkey_url, "TMPDIR": str(tmp_path)}
    with run_service(tmp_path, "--workers", "2", **options) as service:
        wait_until(lambda: len(service.workers()) == 2)
        workers, left = service.workers(), get_folders(tmp_path)
        service.process.kill()
        wait_until(lambda: all(map(is_gone, workers)))
    assert len(left) == 1
    assert get_folders(tmp_path) == left
    with run_service(tmp_path, "--workers", "2", **options):
        assert len(get_folders(tmp_path)) == 1
        assert get_folders(tmp_path).isdisjoint(left)
    assert get_folders(tmp_path) == set()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_folder_of_running_service_is_kept(temporary: Path) -> None:
    with make_metrics_dir() as one, make_metrics_dir() as other:
        assert get_folders(temporary) == {Path(one), Path(other)}


def test_only_folders_of_services_are_removed(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / LOCK).touch()
    (temporary / f"{PREFIX}link").symlink_to(precious)
    (temporary / f"{PREFIX}file").touch()
    (temporary / f"{PREFIX}without-a-lock").mkdir()
    linked = temporary / f"{PREFIX}with-a-link"
    linked.mkdir()
    (linked / LOCK).symlink_to(precious / LOCK)
    before = get_folders(temporary)
    with make_metrics_dir():
        pass
    assert get_folders(temporary) == before
    assert (precious / LOCK).exists()


def test_folder_of_other_user_is_kept(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = temporary / f"{PREFIX}foreign"
    foreign.mkdir()
    (foreign / LOCK).touch()
    monkeypatch.setattr(os, "getuid", lambda: foreign.stat().st_uid + 1)
    with make_metrics_dir():
        assert foreign.exists()
