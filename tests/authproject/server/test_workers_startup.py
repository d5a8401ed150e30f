"""A worker ends if its parent is killed during the start."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.api import PASSWORD
from tests.support.ports import free_port
from tests.support.processes import PROCESS_ENVIRONMENT, ROOT, Service
from tests.support.valkey import wait_until


@pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
def test_starting_worker_ends_with_its_killed_parent(tmp_path: Path) -> None:
    seeds = tmp_path / "users.jsonl"
    lines = [{"email": f"user{n}@example.com", "password": PASSWORD} for n in range(8)]
    seeds.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    # It hashes before it serves, for two seconds of a core.
    environment = {"SEED_USERS_FILE": str(seeds), "BCRYPT_ROUNDS": "12"}
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port)],
            cwd=ROOT,
            env=PROCESS_ENVIRONMENT | environment,
            stderr=output,
        )
    service = Service(process, port, log)
    wait_until(lambda: bool(service.workers()))
    worker = service.workers()[0]
    wait_until(lambda: len(list(Path(f"/proc/{worker}/task").iterdir())) > 1)
    process.kill()
    process.wait()
    try:
        wait_until(lambda: not Path(f"/proc/{worker}").exists())
    finally:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
