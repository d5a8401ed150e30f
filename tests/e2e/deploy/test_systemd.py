"""deploy/authproject.service, checked by systemd's tools and run with its restrictions."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from authproject.server.granian_server import SHUTDOWN_SECONDS
from authproject.server.startup import EX_CONFIG
from tests.support.api import EMAIL, JSON, PASSWORD
from tests.support.deploy.confined import make_writable_folder
from tests.support.deploy.systemd import Unit
from tests.support.processes import START_SECONDS, Service, run_manage, run_service
from tests.support.system_programs import find_program
from tests.support.valkey import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd needs Linux")

MAX_EXPOSURE = 11
"""In tenths of systemd's points. The rest is needed: the network, the host's root directory, the
system call that lowers a thread's priority, and /proc/stat for metrics of the process."""

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


def test_unit_is_valid(unit: Unit) -> None:
    verify = [find_program("systemd-analyze"), "--no-pager", "--recursive-errors=no", "verify"]
    found = subprocess.run([*verify, unit.file], capture_output=True, text=True, check=False)
    # A warning, such as an unknown key, does not change the exit status.
    ours = [line for line in found.stderr.splitlines() if unit.file.name in line]
    assert (found.returncode, ours) == (0, [])


def test_unit_is_hardened(unit: Unit) -> None:
    analyze = [find_program("systemd-analyze"), "--no-pager", "security", "--offline=true"]
    found = subprocess.run(
        [*analyze, f"--threshold={MAX_EXPOSURE}", unit.file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Overall exposure level" in found.stdout
    assert found.returncode == 0, found.stdout


def test_confinement_of_tests_matches_unit(unit: Unit, tmp_path: Path) -> None:
    own = make_writable_folder(tmp_path / "own")
    tries = unit.command(sys.executable, "-I", "-c", TRIES, str(own / "new"), str(own))
    refused = json.loads(subprocess.run(tries, capture_output=True, check=True).stdout)
    assert [what for what, failed in refused.items() if not failed] == []


def test_stop_finishes_login_in_progress(unit: Unit) -> None:
    with unit.running() as service:
        assert service.register().status == 201
        with closing(service.connect()) as connection:
            body = json.dumps({"email": EMAIL, "password": PASSWORD})
            connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": JSON})
            wait_until(lambda: is_hashing(service))
            workers = service.workers()
            assert unit.stop(service) == 0
            assert connection.getresponse().status == 200
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
        assert "Traceback" not in service.log


def test_unit_writes_only_to_state_directory(unit: Unit) -> None:
    with unit.running() as service:
        assert service.request("GET", "/health").json()["store"] == "file"
        assert service.register().status == 201
        assert unit.stop(service) == 0
    files = {file.name: file.stat().st_mode & 0o777 for file in unit.state.iterdir()}
    assert files == {"accounts.jsonl": 0o600, "accounts.jsonl.lock": 0o600}
    assert EMAIL in (unit.state / "accounts.jsonl").read_text(encoding="utf-8")
    assert list(unit.tmp.iterdir()) == []


def is_hashing(service: Service) -> bool:
    """Return whether a thread of low priority is running: bcrypt's."""
    # proc_pid_stat(5): after the name, utime is the 12th field and nice the 17th.
    threads = [
        stat.read_text().rpartition(")")[2].split()
        for worker in service.workers()
        for stat in Path(f"/proc/{worker}/task").glob("*/stat")
    ]
    return any(fields[16] == "10" and fields[0] == "R" for fields in threads)


def test_stop_timeout_exceeds_shutdown_time(unit: Unit) -> None:
    assert int(unit.get_value("TimeoutStopSec")) > SHUTDOWN_SECONDS + 2


def test_only_configuration_error_prevents_restart(unit: Unit) -> None:
    assert unit.get_values("RestartPreventExitStatus") == [str(EX_CONFIG)]
    assert run_manage("serve", BCRYPT_ROUNDS="99").returncode == EX_CONFIG
    failed = run_manage("serve", "--host", "host.invalid").returncode
    assert failed not in {0, EX_CONFIG}


def test_killed_worker_ends_service_with_failure(tmp_path: Path, unit: Unit) -> None:
    assert unit.get_value("Restart") == "on-failure"
    with run_service(tmp_path) as service:
        os.kill(service.workers()[0], signal.SIGKILL)
        assert service.process.wait(START_SECONDS) not in {0, EX_CONFIG}
