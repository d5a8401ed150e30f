"""Real processes, confined by confinement.py and with an environment of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.deploy.confinement import NOBODY
from tests.support.processes import START_SECONDS, Service, wait_until_it_answers

# What units and containers can write to, whatever else: semaphores, and nothing.
DEVICES = ("/dev/shm", "/dev/null")


def confined(command: Sequence[str], writable: Sequence[Path], **limits: Any) -> list[str]:
    """Return the command behind confinement.py; only `writable` and devices can be written."""
    options = {**limits, "writable": [*map(str, writable), *DEVICES]}
    launcher = Path(__file__).with_name("confinement.py")
    return [sys.executable, "-I", str(launcher), json.dumps(options), *command]


def folder_of_its_own(path: Path) -> Path:
    """Make a folder that belongs to the user that a confined process runs as."""
    path.mkdir(mode=0o700, exist_ok=True)
    if os.getuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    return path


@contextmanager
def running(
    command: Sequence[str], *, port: int, log: Path, folder: Path, environment: Mapping[str, str]
) -> Iterator[Service]:
    """Run a service in `folder` until the block ends, and wait until it answers on `port`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    service = Service(process, port, log)
    try:
        wait_until_it_answers(service)
        yield service
    finally:
        process.terminate()
        process.wait(START_SECONDS)
