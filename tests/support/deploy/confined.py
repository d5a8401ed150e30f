"""Starts services with the restrictions of confinement.py and an environment of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.deploy.confinement import CONTAINER_USER
from tests.support.processes import START_SECONDS, Service, wait_until_up

# Units and containers can always write to these.
DEVICES = ("/dev/shm", "/dev/null")


def build_confined_command(
    command: Sequence[str], writable: Sequence[Path], **limits: Any
) -> list[str]:
    """Return a command that confinement.py starts: it can write only to `writable` and devices."""
    options = {**limits, "writable": [*map(str, writable), *DEVICES]}
    launcher = Path(__file__).with_name("confinement.py")
    return [sys.executable, "-I", str(launcher), json.dumps(options), *command]


def make_writable_folder(path: Path) -> Path:
    """Make a folder that the user of confined processes owns."""
    path.mkdir(mode=0o700, exist_ok=True)
    if os.getuid() == 0:
        os.chown(path, CONTAINER_USER, CONTAINER_USER)
    return path


@contextmanager
def running(
    command: Sequence[str], *, port: int, log: Path, folder: Path, environment: Mapping[str, str]
) -> Iterator[Service]:
    """Run a service in `folder` until the block ends. Waits until it is up on `port`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    service = Service(process, port, log)
    try:
        wait_until_up(service)
        yield service
    finally:
        process.terminate()
        process.wait(START_SECONDS)
