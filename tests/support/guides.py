"""Applies the code of a guide in docs/guides/ to a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from tests.support.processes import PROCESS_ENVIRONMENT, ROOT, START_SECONDS

COPIED = (
    *("accounts", "authproject", "deploy", "docs", "tests"),
    *(".env.example", "Makefile", "README.md", "manage.py", "pyproject.toml"),
)


def read_page(guide: str) -> str:
    return (ROOT / "docs" / "guides" / guide).read_text(encoding="utf-8")


def read_code_blocks(guide: str, language: str = "python") -> list[str]:
    """Return the guide's blocks of a language, in order and without their indentation."""
    block_re = rf"^ *```{language}\n(.*?)^ *```$"
    blocks = re.findall(block_re, read_page(guide), re.DOTALL | re.MULTILINE)
    return [dedent(block) for block in blocks]


def copy_project(folder: Path) -> Path:
    for name in COPIED:
        source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__")
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    return folder


def insert(path: Path, code: str, *, before: str = "", after: str = "", indent: int = 0) -> None:
    """Insert code into a file, before or after a text, or at the end."""
    text = path.read_text(encoding="utf-8")
    code = "".join(f"{' ' * indent}{line}".rstrip() + "\n" for line in code.splitlines())
    if before or after:
        assert text.count(before or after) == 1, f"{path}: {before or after}"
        text = text.replace(before, code + before) if before else text.replace(after, after + code)
    else:
        text += f"\n\n{code}"
    path.write_text(text, encoding="utf-8")


def run_in(project: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python command...` in the copy."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=os.environ | PROCESS_ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=2 * START_SECONDS,
        check=False,
    )


def run_tests_in(project: Path, *tests: str) -> str:
    """Run tests in the copy. Return what pytest prints."""
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    return run_in(project, *command, DJANGO_SETTINGS_MODULE="tests.settings").stdout
