"""Which Python `make` takes for the virtual environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT

TIMEOUT_SECONDS = 120
PYTHON = f"""\
#!/bin/sh
# This Python, which says that it is another version.
if [ "$1" = -c ]; then
  exec {sys.executable} -c "import sys; sys.version_info = VERSION
$2"
fi
exec {sys.executable} "$@"
"""


def make_environment(folder: Path, **versions: tuple[int, int]) -> subprocess.CompletedProcess[str]:
    """Run `make` for a new virtual environment with only these Pythons in the PATH."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("make", "sh", "echo", "test"):
        (programs / name).symlink_to(str(shutil.which(name)))
    for name, version in versions.items():
        program = programs / name.replace("_", ".")
        program.write_text(PYTHON.replace("VERSION", f"{(*version, 0, 'final', 0)}"))
        program.chmod(0o755)
    venv = folder / "venv"
    return subprocess.run(
        ["make", f"VENV={venv}", f"{venv}/bin/python"],
        cwd=ROOT,
        env={"PATH": str(programs), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


@pytest.mark.parametrize("version", [(3, 11), (3, 14)])
def test_supported_python_is_taken(tmp_path: Path, version: tuple[int, int]) -> None:
    made = make_environment(tmp_path, python3=version)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "venv" / "bin" / "python").exists()
    assert "Warning" not in made.stdout


def test_newer_python_is_taken_with_a_warning(tmp_path: Path) -> None:
    made = make_environment(tmp_path, python3=(3, 15))
    assert made.returncode == 0, made.stderr
    assert "Warning: Python 3.11 to 3.14 are supported" in made.stdout


def test_supported_python_is_preferred_to_a_newer_one(tmp_path: Path) -> None:
    made = make_environment(tmp_path, python3=(3, 15), python3_12=(3, 12))
    assert "python3.12 -m venv" in made.stdout


def test_older_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    made = make_environment(tmp_path, python3=(3, 10))
    assert made.returncode != 0
    assert "No Python from 3.11 was found" in made.stdout


def test_every_package_has_a_wheel_for_python_3_14(tmp_path: Path) -> None:
    resolved = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"),
            *("--python-version", "3.14", "--only-binary=:all:", "--target", str(tmp_path)),
            *("-r", "requirements.txt"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert resolved.returncode == 0, resolved.stderr
