"""Commands and folders of services that run with the restrictions of confinement.py."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.deploy.confinement import CONTAINER_USER

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
