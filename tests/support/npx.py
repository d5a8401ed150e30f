"""Runs programs of npm at pinned versions."""

import subprocess
from pathlib import Path

import pytest

from tests.support.system_programs import find_program

TIMEOUT_SECONDS = 300  # npm may have to download the program


def run_npx(
    folder: Path, *command: str, package: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `npx command...` in a folder; `package` has the program, if its name is another."""
    options = ("-p", package) if package else ()
    run = subprocess.run(
        [find_program("npx"), "-y", *options, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if "npm err" in run.stderr.lower():
        pytest.skip(f"npm could not install {package or command[0]}: {run.stderr}")
    return run
