"""Finds other versions of Python, and installs the wheel for them."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT

INSTALL_SECONDS = 300
NEWEST_MINOR = 20
"""Python 3.20 is years away."""


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command with no variable of this test run."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        command,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=INSTALL_SECONDS,
        **options,
    )


@cache
def find_python(minor: int) -> str | None:
    """Return a Python 3 of this minor version or a newer one: this one, if it fits."""
    if sys.version_info >= (3, minor):
        return sys.executable
    works = f"import sys, venv; sys.exit(sys.version_info < (3, {minor}))"
    return next((one for one in _iter_pythons() if run(one, "-c", works).returncode == 0), None)


def _iter_pythons() -> Iterator[str]:
    for minor in range(sys.version_info.minor + 1, NEWEST_MINOR):
        if found := shutil.which(f"python3.{minor}"):
            yield found
        yield from map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))


@contextmanager
def lock(folder: Path) -> Iterator[bool]:
    """Let one process of a test run make `folder`. Says whether it is this one."""
    with folder.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield not folder.exists()


def build_wheel(folder: Path) -> Path:
    """Build the wheel in `folder`, unless another process has."""
    with lock(folder) as is_first:
        if is_first:
            source = folder / "source"  # a copy: a build leaves files beside its sources
            ignored = shutil.ignore_patterns(".*", "tests", "docs", "bench")
            shutil.copytree(ROOT, source, ignore=ignored)
            options = ("--quiet", "--no-deps", "--wheel-dir", str(folder))
            built = run(sys.executable, "-m", "pip", "wheel", *options, str(source))
            assert built.returncode == 0, built.stderr
    [wheel] = folder.glob("*.whl")
    return wheel


def make_venv(folder: Path, python: str, *requirements: str) -> Path:
    """Make a virtual environment, unless another process has. Return its folder of programs."""
    with lock(folder) as is_first:
        if is_first:
            # Without a pip of its own, whose installation takes as long as everything else.
            assert run(python, "-m", "venv", "--without-pip", str(folder)).returncode == 0
            pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"))
            options = ("--quiet", "--disable-pip-version-check")
            installed = run(*pip, "install", *options, *requirements)
            assert installed.returncode == 0, installed.stderr
    return folder / "bin"
