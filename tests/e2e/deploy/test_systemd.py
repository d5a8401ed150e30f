"""deploy/authproject.service: judged by systemd's own tools, and run as it says. None is booted."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from authproject.management.commands.serve import SHUTDOWN_SECONDS
from authproject.server.startup import EX_CONFIG
from tests.support.api import EMAIL, JSON, PASSWORD
from tests.support.deploy.confined import folder_of_its_own
from tests.support.deploy.systemd import Unit
from tests.support.processes import Service, manage, serving
from tests.support.system_programs import program
from tests.support.valkey import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")

MOST_EXPOSED = 11
"""Tenths of systemd's points. What is left: the network and the host's root, both needed; the
system call that lowers a thread's priority; /proc/stat, for the metrics of the process."""

TRIES = """
import ctypes, json, mmap, os, socket, sys
def fails(action):
    try:
        action()
    except OSError:
        return True
    return False
print(json.dumps({
    "write elsewhere": fails(lambda: open(sys.argv[1], "w")),
    "open a netlink socket": fails(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "map memory to write and to run": fails(lambda: mmap.mmap(-1, 4096, prot=7)),
    "choose its processors": fails(lambda: os.sched_setaffinity(0, os.sched_getaffinity(0))),
    "change an owner": fails(lambda: os.chown(sys.argv[2], 0, 0)),
    "make a user namespace": ctypes.CDLL(None).unshare(0x10000000) == -1,
}))
"""


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return Unit(tmp_path)


def test_systemd_finds_no_fault_in_the_unit(unit: Unit) -> None:
    verify = [program("systemd-analyze"), "--no-pager", "--recursive-errors=no", "verify"]
    found = subprocess.run([*verify, unit.file], capture_output=True, text=True, check=False)
    # Warnings, an unknown key say, do not change the exit status.
    ours = [line for line in found.stderr.splitlines() if unit.file.name in line]
    assert (found.returncode, ours) == (0, [])


def test_systemd_finds_the_unit_hardened(unit: Unit) -> None:
    judge = [program("systemd-analyze"), "--no-pager", "security", "--offline=true"]
    found = subprocess.run(
        [*judge, f"--threshold={MOST_EXPOSED}", unit.file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Overall exposure level" in found.stdout
    assert found.returncode == 0, found.stdout


def test_the_tests_confine_the_service_as_the_unit_says(unit: Unit, tmp_path: Path) -> None:
    own = folder_of_its_own(tmp_path / "own")
    tries = unit.command(sys.executable, "-I", "-c", TRIES, str(own / "new"), str(own))
    refused = json.loads(subprocess.run(tries, capture_output=True, check=True).stdout)
    assert [what for what, failed in refused.items() if not failed] == []


def test_a_login_in_flight_is_answered_when_the_unit_is_stopped(unit: Unit) -> None:
    with unit.running() as service:
        assert service.register().status == 201
        with closing(service.connect()) as connection:
            body = json.dumps({"email": EMAIL, "password": PASSWORD})
            connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": JSON})
            eventually(lambda: hashing(service))
            workers = service.workers()
            assert unit.stop(service) == 0
            assert connection.getresponse().status == 200
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
        assert "Traceback" not in service.log


def test_accounts_are_in_the_state_directory_and_nowhere_else(unit: Unit) -> None:
    with unit.running() as service:
        assert service.request("GET", "/health").json()["store"] == "file"
        assert service.register().status == 201
        assert unit.stop(service) == 0
    files = {file.name: file.stat().st_mode & 0o777 for file in unit.state.iterdir()}
    assert files == {"accounts.jsonl": 0o600, "accounts.jsonl.lock": 0o600}
    assert EMAIL in (unit.state / "accounts.jsonl").read_text(encoding="utf-8")
    assert list(unit.tmp.iterdir()) == []


def hashing(service: Service) -> bool:
    """Tell whether a thread of low priority has worked: bcrypt's, which keeps a core busy."""
    # proc_pid_stat(5): after the name, utime is the 12th field and nice the 17th.
    threads = [
        stat.read_text().rpartition(")")[2].split()
        for worker in service.workers()
        for stat in Path(f"/proc/{worker}/task").glob("*/stat")
    ]
    return any(fields[16] == "10" and fields[0] == "R" for fields in threads)


def test_serve_ends_before_systemd_loses_its_patience(unit: Unit) -> None:
    assert int(unit.value("TimeoutStopSec")) > SHUTDOWN_SECONDS + 2


def test_only_a_refused_configuration_is_not_tried_again(unit: Unit) -> None:
    assert unit.values("RestartPreventExitStatus") == [str(EX_CONFIG)]
    assert manage("serve", BCRYPT_ROUNDS="99").returncode == EX_CONFIG
    failed = manage("serve", "--host", "host.invalid").returncode
    assert failed not in {0, EX_CONFIG}


def test_a_killed_worker_ends_the_service_as_a_failure(tmp_path: Path, unit: Unit) -> None:
    assert unit.value("Restart") == "on-failure"
    with serving(tmp_path) as service:
        os.kill(service.workers()[0], signal.SIGKILL)
        assert service.process.wait(10) not in {0, EX_CONFIG}
