"""What worker processes share: counted restarts, and a folder that is cleared after a SIGKILL."""

import http.client
import os
import signal
import sys
from pathlib import Path

import pytest

from authproject.server.workers import LOCK, PREFIX, make_metrics_dir
from tests.support.metrics import read
from tests.support.processes import Service, run_service
from tests.support.valkey import wait_until

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
RESTARTS = ("auth_worker_restarts_total", frozenset[str]())


def restarts(service: Service) -> float | None:
    try:
        return read(service.request("GET", "/metrics").body.decode()).get(RESTARTS)
    except (OSError, http.client.HTTPException):
        return None  # its connection was a killed worker's


def kill_one(service: Service) -> None:
    killed = service.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in service.workers() and len(service.workers()) == 2, 30)


@needs_proc
def test_a_worker_that_is_replaced_is_counted(tmp_path: Path, valkey_url: str) -> None:
    with run_service(tmp_path, "--workers", "2", STORE_URL=valkey_url) as service:
        wait_until(lambda: len(service.workers()) == 2)
        assert restarts(service) == 0
        kill_one(service)
        wait_until(lambda: restarts(service) == 1, 30)
        kill_one(service)
        wait_until(lambda: restarts(service) == 2, 30)


def test_a_lone_worker_has_replaced_none(tmp_path: Path) -> None:
    with run_service(tmp_path) as service:
        assert restarts(service) == 0


def folders(parent: Path) -> set[Path]:
    return set(parent.glob(f"{PREFIX}*"))


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@needs_proc
def test_what_a_killed_service_left_is_cleared_by_the_next(tmp_path: Path, valkey_url: str) -> None:
    options = {"STORE_URL": valkey_url, "TMPDIR": str(tmp_path)}
    with run_service(tmp_path, "--workers", "2", **options) as service:
        wait_until(lambda: len(service.workers()) == 2)
        crew, left = service.workers(), folders(tmp_path)
        service.process.kill()
        wait_until(lambda: all(map(is_gone, crew)), 30)
    assert len(left) == 1
    assert folders(tmp_path) == left
    with run_service(tmp_path, "--workers", "2", **options):
        assert len(folders(tmp_path)) == 1
        assert folders(tmp_path).isdisjoint(left)
    assert folders(tmp_path) == set()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_living_service_keeps_its_folder(temporary: Path) -> None:
    with make_metrics_dir() as one, make_metrics_dir() as other:
        assert folders(temporary) == {Path(one), Path(other)}


def test_only_what_a_service_has_made_is_cleared(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / LOCK).touch()
    (temporary / f"{PREFIX}link").symlink_to(precious)
    (temporary / f"{PREFIX}file").touch()
    (temporary / f"{PREFIX}without-a-lock").mkdir()
    linked = temporary / f"{PREFIX}with-a-link"
    linked.mkdir()
    (linked / LOCK).symlink_to(precious / LOCK)
    before = folders(temporary)
    with make_metrics_dir():
        pass
    assert folders(temporary) == before
    assert (precious / LOCK).exists()


def test_somebody_elses_folder_is_left_alone(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = temporary / f"{PREFIX}foreign"
    foreign.mkdir()
    (foreign / LOCK).touch()
    monkeypatch.setattr(os, "getuid", lambda: foreign.stat().st_uid + 1)
    with make_metrics_dir():
        assert foreign.exists()
